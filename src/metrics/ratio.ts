// Every metric as a ratio of sums over documents, on the scale where differences are tested: accuracies as shares, perplexities
// and bits as nats per unit, where a difference d is a factor exp(d) between perplexities.
import type { DocumentValue, MetricName } from '../tasks/task.js';
import { isAccuracy } from './registry.js';
import { mean, sum } from './stderr.js';

/** What a document adds to both sums. */
export type RatioPart = readonly [numerator: number, denominator: number];

/** Right or not and 1; or the loss in nats and its number of units. */
export function ratioPart(name: MetricName, value: DocumentValue): RatioPart {
  if (typeof value !== 'number') return [-value[0], value[1]];
  return [isAccuracy(name) ? value : -value, 1];
}

/** The metric on its scale. */
export function ratioOf(parts: readonly RatioPart[]): number {
  return sum(parts.map(([numerator]) => numerator)) / sum(parts.map(([, denominator]) => denominator));
}

/**
 * One value a document whose mean is the ratio and whose standard error is the ratio's: the linearised ratio estimator of
 * Cochran, Sampling Techniques (1977), section 6.4.
 */
export function linearised(parts: readonly RatioPart[]): number[] {
  const ratio = ratioOf(parts);
  const denominator = mean(parts.map(([, own]) => own));
  return parts.map(([numerator, own]) => ratio + (numerator - ratio * own) / denominator);
}

/** A metric's value and standard error on its scale; the error by the delta method. */
export function onScale(
  name: MetricName,
  { value, stderr }: { value: number; stderr: number | null },
): { value: number; stderr: number } {
  const error = stderr ?? NaN;
  if (isAccuracy(name)) return { value, stderr: error };
  if (name === 'bits_per_byte') return { value: value * Math.LN2, stderr: error * Math.LN2 };
  return { value: Math.log(value), stderr: error / value };
}
