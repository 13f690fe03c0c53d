// Benchmarks with made-up figures, for tests of what is made of them.
import type { BenchRecord, CellResult, MeasuredCell } from '../../src/bench/bench-record.js';
import { cellsOf, type Cell } from '../../src/bench/cells.js';

const settings: BenchRecord['settings'] = {
  models: ['swat:tiny'],
  backend: 'wasm',
  dtype: 'f32',
  seed: 0,
  prompts: [512, 1024],
  generated: [64],
  pairs: [],
  depths: [0, 4096],
  batches: [1],
  windows: null,
  train: false,
  repetitions: 3,
  readEvery: 32,
};

/** Half a microsecond a token, and a byte. */
export function measured(cell: Cell, changes: Partial<MeasuredCell> = {}): MeasuredCell {
  const tokens = cell.batch * (cell.prompt + cell.generated);
  return {
    status: 'ok',
    cell,
    date: '2026-01-02T03:04:06.000Z',
    nanoseconds: [400 * tokens, 500 * tokens, 700 * tokens],
    window: 64,
    peakBytes: 2 ** 20 + tokens,
    heldBytes: 2 ** 21,
    stateBytes: 65536,
    kernels: 'fused',
    compositeOps: [],
    flops: 1e6,
    bytes: 1e5,
    ceilings: { flopsPerSecond: 1e12, bytesPerSecond: 1e11 },
    ...changes,
  };
}

export function exampleBench(
  label: string,
  resultOf: (cell: Cell) => CellResult = measured,
  changes: Partial<BenchRecord> = {},
): BenchRecord {
  return {
    format: 1,
    kind: 'bench',
    runId: `20260102T030405Z-${label}`,
    status: 'complete',
    created: '2026-01-02T03:04:05.000Z',
    model: {
      spec: `${label},seed=1`,
      label,
      baseline: label.split('-')[0]!,
      parameters: 123_264,
      bytes: 493_056,
      weightsDigest: 'ab'.repeat(32),
      config: { hidden_size: 64 },
      window: 64,
    },
    engine: { backend: 'wasm', dtype: 'f32', device: 'a processor', software: false, blas: null },
    runs: [`${label}/20260102T030405Z`],
    settings,
    results: cellsOf(settings).map(resultOf),
    cpu: 'a processor, 2 cores',
    build: { version: '0.1.0', revision: '0123abcd', dirty: false },
    node: 'v20.19.0',
    platform: 'linux x64',
    ...changes,
  };
}

export function outOfMemory(cell: Cell): CellResult {
  return {
    ...{ status: 'OOM', cell, date: '2026-01-02T03:04:06.000Z', window: 64, stateBytes: 65536 },
    error: 'needs about 4000 MiB, 3000 are free',
  };
}
