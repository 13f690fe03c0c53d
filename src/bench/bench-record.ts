// run.json of a benchmark: what was asked for, on which device, and the result of every cell that is done. It is whole after
// each cell, so that a bench which was stopped goes on from it. bench.csv is made of it.
import { z } from 'zod';
import { closing, count, opening, readMeasuredRecord, unmeasured, windowSetting } from '../measure/measured-record.js';

const cell = z.object({
  kind: z.enum(['prefill', 'decode', 'prefill+decode', 'train']),
  prompt: count,
  generated: count,
  depth: count,
  batch: z.int().positive(),
  window: windowSetting.nullable(),
});

const settings = z.object({
  models: z.array(z.string()).min(1),
  backend: z.enum(['auto', 'webgpu', 'tensorflow', 'wasm', 'cpu']),
  dtype: z.enum(['f32', 'f16']),
  seed: count,
  prompts: z.array(count),
  generated: z.array(count),
  pairs: z.array(z.tuple([z.int().positive(), z.int().positive()])),
  depths: z.array(count),
  batches: z.array(z.union([z.int().positive(), z.templateLiteral(['tokens:', z.int().positive()])])),
  windows: z.array(windowSetting).nullable(),
  train: z.boolean(),
  repetitions: z.int().positive(),
  /** Decoded tokens are read back after so many. */
  readEvery: z.int().positive(),
});

/** What the engine reaches, measured before the cells: multiply-adds counted as two, bytes read and bytes written. */
const ceilings = z.object({ flopsPerSecond: z.number(), bytesPerSecond: z.number() });

const measured = z.object({
  status: z.literal('ok'),
  cell,
  /** UTC, when the first repetition began. */
  date: z.string(),
  nanoseconds: z.array(z.number()).min(1),
  /** Keys in reach; null where that is everything, or not how the model works. */
  window: z.int().positive().nullable(),
  /** The most that the engine held at once, and what it holds from the system (its buffers or its heap), weights included. */
  peakBytes: z.number(),
  heldBytes: z.number(),
  /** Of the rows' states behind the last token, by the model's formula. */
  stateBytes: z.number(),
  /** Fused: every op, forward and backward, was computed by a fused kernel. */
  kernels: z.enum(['fused', 'composite']),
  compositeOps: z.array(z.string()),
  /** Operations by the model's formula, and the fewest bytes that must move; null where no formula is known. */
  flops: z.number().nullable(),
  bytes: z.number().nullable(),
  ceilings,
});

export const benchRecord = z.object({
  ...opening,
  kind: z.literal('bench'),
  model: z.object({
    spec: z.string(),
    label: z.string(),
    baseline: z.string(),
    parameters: count,
    /** Bytes of the weights. */
    bytes: count,
    weightsDigest: z.string(),
    config: z.record(z.string(), z.unknown()),
    window: z.number().nullable(),
  }),
  ...closing,
  settings,
  results: z.array(z.discriminatedUnion('status', [measured, unmeasured(cell)])),
});

export type BenchSettings = z.infer<typeof settings>;
export type Ceilings = z.infer<typeof ceilings>;
export type BenchRecord = z.infer<typeof benchRecord>;
export type MeasuredCell = z.infer<typeof measured>;
export type CellResult = BenchRecord['results'][number];

/** @throws UserError 'data' when the directory holds no benchmark, or its run.json is damaged. */
export function readBenchRecord(directory: string): BenchRecord {
  return readMeasuredRecord(directory, benchRecord, {
    command: 'bench',
    none: 'no benchmark',
    other: "no benchmark's",
  });
}
