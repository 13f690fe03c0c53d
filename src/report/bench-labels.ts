// Names of benchmarks in tables and charts: the model's, and what tells it from another benchmark of the same model.
import type { BenchRecord } from '../bench/bench-record.js';

export function benchLabels(runs: readonly BenchRecord[]): string[] {
  return runs.map(({ model, engine, runId }) => {
    const others = runs.filter((run) => run.model.label === model.label && run.runId !== runId);
    const differs = (of: (run: BenchRecord) => string, own: string) =>
      others.some((run) => of(run) !== own) ? [own] : [];
    const marks = [
      ...differs((run) => run.engine.backend, engine.backend),
      ...differs((run) => run.engine.dtype, engine.dtype),
      ...differs((run) => run.engine.device, engine.device),
      ...differs((run) => run.engine.blas ?? '', engine.blas ?? ''),
    ];
    const told = others.every((run) => JSON.stringify(run.engine) !== JSON.stringify(engine));
    return [model.label, ...marks, ...(told ? [] : [`(${runId})`])].join(' ');
  });
}
