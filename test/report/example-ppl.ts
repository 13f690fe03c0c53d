// Perplexity runs with made-up numbers, for tests of what is made of them.
import { cellsOf, type PplCell } from '../../src/perplexity/cells.js';
import type { MeasuredPpl, PplRecord, PplResult } from '../../src/perplexity/ppl-record.js';

const TOKENS = 65_536;
const UNITS = 16;

const settings: PplRecord['settings'] = {
  models: ['swat:tiny'],
  text: 'book.txt',
  lengths: [128, 512, 2048, 8192],
  windows: null,
  tokens: null,
  tokenizer: null,
  backend: 'wasm',
  dtype: 'f32',
  seed: 0,
  confidence: 0.95,
  fixtures: false,
  dataDir: null,
  cacheDir: null,
  offline: false,
  allowPartial: false,
};

/** Loses less the more it reads, within its window or beyond: `natsAt` says how much. */
export function scored(cell: PplCell, natsAt: (position: number) => number): MeasuredPpl {
  const positions = Array.from({ length: Math.log2(cell.length) + 1 }, (_, k) => {
    const targets = k === 0 ? TOKENS / cell.length : (TOKENS / cell.length) * 2 ** (k - 1);
    return { tokens: 2 ** k, targets, logprob: -targets * natsAt(2 ** k), stderr: 0.02 };
  });
  const total = positions.reduce((sum, { logprob }) => sum + logprob, 0);
  return {
    status: 'ok',
    cell,
    date: '2026-01-02T03:04:06.000Z',
    window: typeof cell.window === 'number' ? cell.window : null,
    unitLogprobs: Array.from({ length: UNITS }, (_, unit) => (total / UNITS) * (1 + 0.01 * (unit - 7.5))),
    positions,
    meanContext: (cell.length + 1) / 2,
    seconds: 2,
    peakBytes: 2 ** 20 + cell.length,
    heldBytes: 2 ** 21,
    stateBytes: 65_536,
    kernels: 'fused',
    compositeOps: [],
  };
}

export function noRoom(cell: PplCell): PplResult {
  return {
    ...{ status: 'OOM', cell, date: '2026-01-02T03:04:06.000Z', window: null, stateBytes: 2 ** 30 },
    error: 'needs about 4000 MiB, 3000 are free',
  };
}

export const saturating = (cell: PplCell): PplResult =>
  scored(cell, (position) => 5 - 0.25 * Math.min(7, Math.log2(position)));

export function examplePpl(
  label: string,
  resultOf: (cell: PplCell) => PplResult = saturating,
  changes: Partial<Omit<PplRecord, 'settings'>> & { settings?: Partial<PplRecord['settings']> } = {},
): PplRecord {
  const own = { ...settings, ...changes.settings };
  return {
    format: 1,
    kind: 'ppl',
    runId: `20260102T030405Z-${label}`,
    status: 'complete',
    created: '2026-01-02T03:04:05.000Z',
    model: {
      spec: `${label},seed=1`,
      label,
      baseline: label.split('-')[0]!,
      parameters: 123_264,
      weightsDigest: `${label}`.padEnd(64, '0'),
      config: { hidden_size: 64 },
      tokenizer: 'bytes',
      tokenizerFingerprint: 'cd'.repeat(32),
      maxLength: 1024,
      window: 64,
    },
    engine: { backend: 'wasm', dtype: 'f32', device: 'a processor', software: false, blas: null },
    text: {
      name: 'book.txt',
      origin: 'book.txt',
      label: null,
      documents: 1,
      tokens: TOKENS,
      words: 12_000,
      bytes: TOKENS,
      digest: 'ef'.repeat(32),
      unit: 'piece',
      unitTokens: Array.from({ length: UNITS }, () => TOKENS / UNITS),
    },
    runs: [`${label}/20260102T030405Z`],
    results: cellsOf(own.lengths, own.windows).map(resultOf),
    cpu: 'a processor, 2 cores',
    build: { version: '0.1.0', revision: '0123abcd', dirty: false },
    node: 'v20.19.0',
    platform: 'linux x64',
    ...changes,
    settings: own,
  };
}
