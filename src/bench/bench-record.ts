// run.json of a benchmark: what was asked for, on which device, and the result of every cell that is done. It is whole after
// each cell, so that a bench which was stopped goes on from it. bench.csv is made of it.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../user-error.js';

const count = z.int().nonnegative();
const window = z.union([z.int().positive(), z.literal('full')]);

const cell = z.object({
  kind: z.enum(['prefill', 'decode', 'prefill+decode', 'train']),
  prompt: count,
  generated: count,
  depth: count,
  batch: z.int().positive(),
  window: window.nullable(),
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
  windows: z.array(window).nullable(),
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

const unmeasured = z.object({
  /** OOM: the device, or the bound that protects the engine from it, had no room. */
  status: z.enum(['OOM', 'failed']),
  cell,
  date: z.string(),
  window: z.int().positive().nullable(),
  stateBytes: z.number(),
  error: z.string(),
});

export const benchRecord = z.object({
  format: z.literal(1),
  kind: z.literal('bench'),
  runId: z.string(),
  status: z.enum(['running', 'complete', 'interrupted']),
  /** UTC. */
  created: z.string(),
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
  engine: z.object({
    backend: z.string(),
    dtype: z.enum(['f32', 'f16']),
    device: z.string(),
    software: z.boolean(),
    blas: z.string().nullable().default(null),
  }),
  /** Directories of all models of the command, in their order, relative to the output directory. */
  runs: z.array(z.string()),
  settings,
  results: z.array(z.discriminatedUnion('status', [measured, unmeasured])),
  cpu: z.string(),
  build: z.object({ version: z.string(), revision: z.string(), dirty: z.boolean() }),
  node: z.string(),
  platform: z.string(),
});

export type BenchSettings = z.infer<typeof settings>;
export type Ceilings = z.infer<typeof ceilings>;
export type BenchRecord = z.infer<typeof benchRecord>;
export type MeasuredCell = z.infer<typeof measured>;
export type CellResult = BenchRecord['results'][number];

/** @throws UserError 'data' when the directory holds no benchmark, or its run.json is damaged. */
export function readBenchRecord(directory: string): BenchRecord {
  const file = path.join(directory, 'run.json');
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UserError('data', `${directory} holds no benchmark: its run.json cannot be read`, {
      where: file,
      hint: 'the directory that `swat-eval bench` printed',
      cause: error,
    });
  }
  const parsed = benchRecord.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError('data', `run.json is no benchmark's: ${issue!.path.join('.')}: ${issue!.message}`, {
    where: file,
  });
}
