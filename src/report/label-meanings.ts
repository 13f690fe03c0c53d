// The remark below every table and figure that shows a number which is not the whole benchmark's.
import type { TaskSummary } from '../evaluate/run-summary.js';

/** What a label says about the numbers it stands beside. */
export const LABEL_MEANINGS: Readonly<Record<NonNullable<TaskSummary['label']>, string>> = {
  fixtures: "scored on this project's own sentences, not on the benchmark",
  partial: 'only some rows of the split were there',
  limit: 'only the first rows of the split were scored',
};
