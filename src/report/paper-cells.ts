// Which metrics of a run fill the paper's columns, and what they average to.
import type { MetricResult, RunSummary, TaskSummary } from '../evaluate/run-summary.js';
import { unweightedMean, type GroupMean } from '../metrics/group.js';
import { PAPER_COLUMNS } from './paper-columns.js';

export interface PaperCell {
  readonly task: TaskSummary;
  readonly metric: MetricResult;
}

/** Whose tasks fill a run's columns: the paper's benchmarks, or those of the embedded suite where it scored none of the paper's. */
export type Suite = 'paper' | 'mini';

export function suiteOf({ tasks }: RunSummary): Suite {
  const columns = tasks.flatMap(({ paperColumns }) => paperColumns);
  return columns.length > 0 && columns.every(({ suite }) => suite === 'mini') ? 'mini' : 'paper';
}

/** The group that the averaged eight are, as `--task` takes it. */
export function averagedGroup(run: RunSummary): string {
  return { paper: 'commonsense', mini: 'mini_commonsense' }[suiteOf(run)];
}

/** One entry for each of `PAPER_COLUMNS`; null where the run did not score the column's task. */
export function paperCells(run: RunSummary): (PaperCell | null)[] {
  const cells: (PaperCell | null)[] = PAPER_COLUMNS.map(() => null);
  const suite = suiteOf(run);
  for (const task of run.tasks)
    for (const column of task.paperColumns) {
      if ((column.suite ?? 'paper') !== suite) continue;
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
