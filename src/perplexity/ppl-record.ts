// run.json of `ppl`: what was asked for, the text, on which device, and the result of every cell that is done. It is whole after
// each cell, so that what was stopped goes on from it. ppl.csv and ppl-by-position.csv are made of it.
import { z } from 'zod';
import { closing, count, opening, readMeasuredRecord, unmeasured, windowSetting } from '../measure/measured-record.js';

const cell = z.object({ length: z.int().positive(), window: windowSetting.nullable() });

const settings = z.object({
  models: z.array(z.string()).min(1),
  /** File, task, or `generator:NAME`. */
  text: z.string(),
  lengths: z.array(z.int().positive()).min(1),
  windows: z.array(windowSetting).nullable(),
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

const pplRecord = z.object({
  ...opening,
  kind: z.literal('ppl'),
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
  text,
  ...closing,
  settings,
  results: z.array(z.discriminatedUnion('status', [measured, unmeasured(cell)])),
});

export type PplSettings = z.infer<typeof settings>;
export type PplRecord = z.infer<typeof pplRecord>;
export type PplResult = PplRecord['results'][number];
export type MeasuredPpl = z.infer<typeof measured>;

/** @throws UserError 'data' when the directory holds no such run, or its run.json is damaged. */
export function readPplRecord(directory: string): PplRecord {
  return readMeasuredRecord(directory, pplRecord, {
    command: 'ppl',
    none: 'no perplexities',
    other: 'not one of `ppl`',
  });
}
