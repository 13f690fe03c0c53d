// Names of runs in tables and charts.
import type { RunSummary } from '../evaluate/run-summary.js';

/** The models' labels, with the run's id behind those that several runs share. */
export function modelLabels(runs: readonly RunSummary[]): string[] {
  return runs.map(({ model, runId }) => {
    const shared = runs.filter((run) => run.model.label === model.label).length > 1;
    return shared ? `${model.label} (${runId})` : model.label;
  });
}
