// run.json of a training run: the recipe and what came of it, and what a resumed run has to be the same in.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { writerSchema } from '../evaluate/writer.js';
import { UserError } from '../user-error.js';
import { trainConfig } from './train-config.js';

const count = z.int().nonnegative();

const corpus = z.object({
  source: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('files'),
      files: z.array(z.object({ name: z.string(), bytes: count, sha256: z.string() })),
    }),
    z.object({
      kind: z.literal('generator'),
      name: z.string(),
      seed: count,
      split: z.enum(['train', 'validation']),
    }),
  ]),
  tokens: count,
  documents: count,
  /** SHA-256 of the token ids. */
  digest: z.string(),
});

const trainingRecord = z.object({
  format: z.literal(1),
  kind: z.literal('train'),
  runId: z.string(),
  status: z.enum(['planned', 'running', 'complete', 'interrupted', 'failed']),
  /** What stopped a failed run. */
  failure: z.string().nullable(),
  /** UTC. */
  created: z.string(),
  /** The model's name in the recipe. */
  name: z.string(),
  model: z.object({
    spec: z.string(),
    label: z.string(),
    baseline: z.string(),
    parameters: count,
    config: z.record(z.string(), z.unknown()),
    /** In training; null where there is none. */
    window: z.number().nullable(),
  }),
  tokenizer: z.object({ name: z.string(), fingerprint: z.string(), vocabularySize: count }),
  engine: z.object({
    backend: z.string(),
    dtype: z.enum(['f32', 'f16']),
    device: z.string(),
    software: z.boolean(),
    blas: z.string().nullable(),
  }),
  /** Directories of all models of the recipe, in their order, relative to the output directory. */
  runs: z.array(z.string()),
  config: trainConfig,
  /** What file names of the recipe start from, relative to this run's directory. */
  places: z.object({ recipe: z.string(), data: z.string() }),
  data: corpus,
  validation: corpus.nullable(),
  plan: z.object({ steps: count, rowsPerStep: count, tokensPerStep: count, tokens: count, epochs: z.number() }),
  build: z.object({ version: z.string(), revision: z.string(), dirty: z.boolean() }),
  node: z.string(),
  platform: z.string(),
  /** Who writes to the directory; null when nobody does. */
  writer: writerSchema.nullable(),
});

export type TrainingRecord = z.infer<typeof trainingRecord>;
export type CorpusRecord = TrainingRecord['data'];

/** @throws UserError 'data' when the directory holds no training run, or its run.json is damaged. */
export function readTrainingRecord(directory: string): TrainingRecord {
  const file = path.join(directory, 'run.json');
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UserError('data', `${directory} holds no training run: its run.json cannot be read`, {
      where: file,
      hint: 'the directory that `swat-eval train` printed',
      cause: error,
    });
  }
  if ((content as { kind?: unknown } | null)?.kind !== 'train')
    throw new UserError('data', `${directory} holds a run of another command, no training`, { where: file });
  const parsed = trainingRecord.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError('data', `run.json is damaged: ${issue!.path.join('.')}: ${issue!.message}`, { where: file });
}

/** What numbers depend on: a curve whose parts were made in two ways is none. */
const IDENTITY = [
  ['build', ({ build }: TrainingRecord) => build],
  ['model', ({ model }: TrainingRecord) => model.config],
  ['tokenizer', ({ tokenizer }: TrainingRecord) => tokenizer.fingerprint],
  ['data', ({ data }: TrainingRecord) => data.digest],
  ['validation data', ({ validation }: TrainingRecord) => validation?.digest ?? null],
  ['engine', ({ engine }: TrainingRecord) => engine],
] as const;

/** @throws UserError 'data' that names what differs between the run as it was started and as it would go on. */
export function checkSameTraining(before: TrainingRecord, now: TrainingRecord, where: string): void {
  for (const [what, of] of IDENTITY) {
    const [was, is] = [of(before), of(now)];
    if (!isDeepStrictEqual(was, is)) throw refused(what, was, is, where);
  }
}

/** @throws UserError 'data' for the first key of a recipe that is another one than the run's. */
export function checkSameConfig(before: object, now: object, where: string, place = ''): void {
  const [was, is] = [before, now] as [Record<string, unknown>, Record<string, unknown>];
  for (const key of new Set([...Object.keys(was), ...Object.keys(is)])) {
    const [a, b] = [was[key], is[key]];
    if (isDeepStrictEqual(a, b)) continue;
    if (isObject(a) && isObject(b)) checkSameConfig(a, b, where, `${place}${key}.`);
    throw refused(`${place}${key}`, a ?? null, b ?? null, where);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refused(what: string, was: unknown, is: unknown, where: string): UserError {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  return new UserError('data', `the run was started with ${what} ${text(was)}, and cannot go on with ${text(is)}`, {
    where,
    hint: 'what it was started with, or a new run without --resume',
  });
}
