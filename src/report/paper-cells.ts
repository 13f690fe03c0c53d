// Which metrics of a run fill the paper's columns, and what they average to.
import type { MetricResult, RunSummary, TaskSummary } from '../evaluate/run-summary.js';
import { unweightedMean, type GroupMean } from '../metrics/group.js';
import { PAPER_COLUMNS } from './paper-columns.js';

export interface PaperCell {
  readonly task: TaskSummary;
  readonly metric: MetricResult;
}

/** One entry for each of `PAPER_COLUMNS`; null where the run did not score the column's task. */
export function paperCells(run: RunSummary): (PaperCell | null)[] {
  const cells: (PaperCell | null)[] = PAPER_COLUMNS.map(() => null);
  for (const task of run.tasks)
    for (const column of task.paperColumns) {
      const metric = task.metrics.find(({ name }) => name === column.metric);
      if (metric !== undefined) cells[column.order] = { task, metric };
    }
  return cells;
}

/** The cells that the paper averages, or null when one of the eight is missing. */
export function averagedCells(cells: readonly (PaperCell | null)[]): PaperCell[] | null {
  const averaged = PAPER_COLUMNS.flatMap((column, k) => (column.averaged ? [cells[k] ?? null] : []));
  return averaged.every((cell) => cell !== null) ? averaged : null;
}

/** The paper's `Avg.`: the unweighted mean of the eight accuracies, as a fraction. */
export function paperAverage(cells: readonly PaperCell[]): GroupMean {
  return unweightedMean(cells.map(({ metric }) => metric));
}
