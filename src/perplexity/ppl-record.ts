// run.json of `ppl`: what was asked for, the text, on which device, and the result of every cell that is done. It is whole after
// each cell, so that what was stopped goes on from it. ppl.csv and ppl-by-position.csv are made of it.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../user-error.js';

const count = z.int().nonnegative();
const window = z.union([z.int().positive(), z.literal('full')]);
const cell = z.object({ length: z.int().positive(), window: window.nullable() });

const settings = z.object({
  models: z.array(z.string()).min(1),
  /** File, task, or `generator:NAME`. */
  text: z.string(),
  lengths: z.array(z.int().positive()).min(1),
  windows: z.array(window).nullable(),
  /** Tokens of the text to score, from its beginning; null for all. */
  tokens: z.int().positive().nullable(),
  tokenizer: z.string().nullable(),
  backend: z.enum(['auto', 'webgpu', 'tensorflow', 'wasm', 'cpu']),
  dtype: z.enum(['f32', 'f16']),
  seed: count,
  confidence: z.number().gt(0).lt(1),
  fixtures: z.boolean(),
  dataDir: z.string().nullable(),
  cacheDir: z.string().nullable(),
  offline: z.boolean(),
  allowPartial: z.boolean(),
});

const text = z.object({
  name: z.string(),
  origin: z.string(),
  label: z.enum(['partial', 'fixtures']).nullable(),
  documents: count,
  /** Scored tokens, and the words and bytes that they are the text of. */
  tokens: count,
  words: count,
  bytes: count,
  digest: z.string(),
  /** What standard errors take for drawn by chance, and how many tokens each of them has. */
  unit: z.enum(['document', 'piece']),
  unitTokens: z.array(count),
});

const measured = z.object({
  status: z.literal('ok'),
  cell,
  /** UTC, when it began. */
  date: z.string(),
  /** Keys in reach; null where that is everything, or not how the model works. */
  window: z.int().positive().nullable(),
  /** Sum of log p by unit of the text, in nats. */
  unitLogprobs: z.array(z.number()),
  /** Targets by how many tokens they are predicted from: more than half of `tokens`, at most `tokens`. */
  positions: z.array(z.object({ tokens: count, targets: count, logprob: z.number(), stderr: z.number().nullable() })),
  meanContext: z.number(),
  seconds: z.number(),
  /** The most that the engine held at once, and what it holds from the system, weights included. */
  peakBytes: z.number(),
  heldBytes: z.number(),
  /** Of one row's state behind the last token of a segment, by the model's formula. */
  stateBytes: z.number(),
  kernels: z.enum(['fused', 'composite']),
  compositeOps: z.array(z.string()),
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

const pplRecord = z.object({
  format: z.literal(1),
  kind: z.literal('ppl'),
  runId: z.string(),
  status: z.enum(['running', 'complete', 'interrupted']),
  /** UTC. */
  created: z.string(),
  model: z.object({
    spec: z.string(),
    label: z.string(),
    baseline: z.string(),
    parameters: count,
    weightsDigest: z.string(),
    config: z.record(z.string(), z.unknown()),
    tokenizer: z.string(),
    tokenizerFingerprint: z.string(),
    /** Longest input that the configuration speaks of: positions beyond it were not trained. */
    maxLength: count,
    window: z.number().nullable(),
  }),
  engine: z.object({
    backend: z.string(),
    dtype: z.enum(['f32', 'f16']),
    device: z.string(),
    software: z.boolean(),
    blas: z.string().nullable(),
  }),
  text,
  /** Directories of all models of the command, in their order, relative to the output directory. */
  runs: z.array(z.string()),
  settings,
  results: z.array(z.discriminatedUnion('status', [measured, unmeasured])),
  cpu: z.string(),
  build: z.object({ version: z.string(), revision: z.string(), dirty: z.boolean() }),
  node: z.string(),
  platform: z.string(),
});

export type PplSettings = z.infer<typeof settings>;
export type PplRecord = z.infer<typeof pplRecord>;
export type PplResult = PplRecord['results'][number];
export type MeasuredPpl = z.infer<typeof measured>;

/** @throws UserError 'data' when the directory holds no such run, or its run.json is damaged. */
export function readPplRecord(directory: string): PplRecord {
  const file = path.join(directory, 'run.json');
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UserError('data', `${directory} holds no perplexities: its run.json cannot be read`, {
      where: file,
      hint: 'the directory that `swat-eval ppl` printed',
      cause: error,
    });
  }
  const parsed = pplRecord.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError('data', `run.json is not one of \`ppl\`: ${issue!.path.join('.')}: ${issue!.message}`, {
    where: file,
  });
}
