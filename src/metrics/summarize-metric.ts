// From the documents' values to the number that a table prints, with its uncertainty.
import type { DocumentValue, MetricName } from '../tasks/task.js';
import { bootstrapStderr } from './bootstrap.js';
import { normalQuantile } from './intervals.js';
import type { Interval, MetricResult } from './metric-result.js';
import { metrics } from './registry.js';

export interface SummaryOptions {
  /** Replicates of the bootstrap over documents, 0 = standard errors by the delta method. */
  readonly bootstrapIterations: number;
  /** Level of the interval, in (0, 1). */
  readonly confidence: number;
}

/**
 * A metric over the documents of a task, at least one. The standard error is lm-eval's: of the mean for accuracies; for
 * perplexities by the delta method, or bootstrapped. Intervals: Wilson for accuracies, log-normal for perplexities.
 */
export function summarizeMetric(
  name: MetricName,
  values: readonly DocumentValue[],
  { bootstrapIterations, confidence }: SummaryOptions,
): MetricResult {
  if (values.length === 0) throw new RangeError(`${name} of no documents`);
  const { aggregate, stderr: stderrByFormula, bootstrapped, interval, higherIsBetter } = metrics[name];
  const value = aggregate(values);
  const stderr =
    bootstrapped && bootstrapIterations > 0 && values.length > 1
      ? bootstrapStderr(values, aggregate, bootstrapIterations)
      : stderrByFormula(values);
  const bounds = interval({ value, stderr, documents: values.length }, normalQuantile(confidence));
  return { name, value, stderr: finite(stderr), interval: finiteBounds(bounds), higherIsBetter };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function finiteBounds(bounds: Interval): Interval | null {
  return bounds.every(Number.isFinite) ? bounds : null;
}
