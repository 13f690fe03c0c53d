// What one metric of one task amounts to; a run summary and results.json hold it as it is.
import type { MetricName } from '../tasks/task.js';

export type Interval = [low: number, high: number];

export interface MetricResult {
  name: MetricName;
  value: number;
  /** Standard error, null where it is not defined (fewer than two documents). */
  stderr: number | null;
  /** Two-sided confidence interval at the run's confidence, null where there is none. */
  interval: Interval | null;
  higherIsBetter: boolean;
}
