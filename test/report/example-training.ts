// A training run as reports read it, with losses of a formula.
import type { TrainedRun } from '../../src/report/read-training.js';
import { trainConfig } from '../../src/train/train-config.js';
import type { TrainingRow, ValidationRow } from '../../src/train/step-log.js';

const training = Array.from({ length: 500 }, (_, k): TrainingRow => {
  const step = k + 1;
  return {
    ...{ step, tokens: 1000 * step, loss: 5 - k / 250, learning_rate: 1e-3, grad_norm: 0.5 },
    ...{ tokens_per_s: 2000, peak_bytes: 2 ** 20 },
  };
});
const validation = [250, 500].flatMap((step) =>
  [64, 256].map((length): ValidationRow => ({ step, length, tokens: 1024, loss: 3 - length / 1000, perplexity: 20 })),
);

/** As a run that diverged before its first validation leaves it. */
export function failedTraining(failure: string, name = 'titans-mini', baseline = 'titans'): TrainedRun {
  const run = exampleTraining(name, baseline);
  return {
    ...run,
    training: training.slice(0, 2),
    validation: [],
    record: { ...run.record, status: 'failed', failure },
  };
}

export function exampleTraining(name = 'swat-mini', baseline = 'swat'): TrainedRun {
  const spec = `${baseline}:tiny`;
  return {
    ...{ name, baseline, parameters: 500_000, training, validation },
    record: {
      runId: `20260102T030405Z-${name}`,
      status: 'complete',
      failure: null,
      created: '2026-01-02T03:04:05.000Z',
      model: { spec, label: name, baseline, parameters: 500_000, config: {}, window: null },
      engine: { backend: 'wasm', dtype: 'f32', device: 'a processor', software: false, blas: null },
      config: trainConfig.parse({ model: spec, data: 'book.txt', sequence_length: 64, steps: 500 }),
      data: {
        source: { kind: 'files', files: [{ name: 'book.txt', bytes: 9, sha256: 'cd'.repeat(32) }] },
        ...{ tokens: 500_000, documents: 1, digest: 'cd'.repeat(32) },
      },
      validation: null,
      build: { version: '0.1.0', revision: '0123abcd', dirty: false },
    },
  };
}
