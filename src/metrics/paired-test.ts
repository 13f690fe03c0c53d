// Whether two models differ on a metric, by the documents that both answered.
import type { DocumentValue, MetricName } from '../tasks/task.js';
import { exactMcNemar } from './mcnemar.js';
import type { Interval } from './metric-result.js';
import { pairedBootstrap, pairedDifference, type BootstrapOptions, type Difference } from './paired.js';
import { ratioPart } from './ratio.js';
import { isAccuracy } from './registry.js';

/** The difference (second less first), its error and its interval are on the metric's scale (ratio.ts). */
export interface PairedTest extends Difference {
  /** Of the bootstrap over documents. */
  readonly interval: Interval;
  /** Two-sided, for the hypothesis that the models are equally good. */
  readonly p: number;
  readonly method: 'McNemar' | 'bootstrap';
}

/**
 * Accuracies by McNemar's exact test, perplexities by the paired bootstrap.
 * @param first, second values of the same documents in the same order, at least one; finite.
 */
export function pairedTest(
  name: MetricName,
  first: readonly DocumentValue[],
  second: readonly DocumentValue[],
  options: BootstrapOptions,
): PairedTest {
  const [a, b] = [first, second].map((values) => values.map((value) => ratioPart(name, value)));
  const bootstrap = pairedBootstrap(a!, b!, options);
  const difference = pairedDifference(a!, b!);
  if (!isAccuracy(name)) return { ...difference, ...bootstrap, method: 'bootstrap' };
  const only = (right: readonly DocumentValue[], wrong: readonly DocumentValue[]) =>
    right.filter((value, k) => value === 1 && wrong[k] === 0).length;
  const p = exactMcNemar(only(first, second), only(second, first));
  return { ...difference, interval: bootstrap.interval, p, method: 'McNemar' };
}
