// run.json: what a run is made of, how far it is, and what a resumed run has to be the same in.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../user-error.js';
import { runSettings } from './run-settings.js';
import { writerSchema } from './writer.js';
import { writeAtomically } from '../write-atomically.js';

const model = z.object({
  spec: z.string(),
  label: z.string(),
  baseline: z.string(),
  parameters: z.number(),
  weightsDigest: z.string(),
  config: z.record(z.string(), z.unknown()),
  tokenizer: z.string(),
  tokenizerFingerprint: z.string(),
  vocabularySize: z.number(),
  maxLength: z.number(),
  window: z.number().nullable(),
});

const engine = z.object({
  backend: z.string(),
  dtype: z.enum(['f32', 'f16']),
  device: z.string(),
  blas: z.string().nullable().default(null),
});

const bytes = z.number().nonnegative();

const observation = z.object({
  kernels: z.enum(['fused', 'composite']),
  memory: z.object({
    weightsBytes: bytes,
    loadPeakBytes: bytes,
    scorePeakBytes: bytes,
    heldBytes: bytes,
    stateBytes: bytes,
  }),
});

const plan = z.object({
  hash: z.string(),
  tokenizerFingerprint: z.string(),
  tasks: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      digest: z.string(),
      label: z.enum(['fixtures', 'partial', 'limit']).nullable(),
      documents: z.number(),
      requests: z.number(),
    }),
  ),
});

const runRecord = z.object({
  format: z.literal(1),
  runId: z.string(),
  status: z.enum(['planned', 'running', 'complete', 'interrupted', 'failed']),
  /** What stopped a failed run. */
  failure: z.string().nullable(),
  /** UTC. */
  created: z.string(),
  model: z.string(),
  /** Run directories of all models of the command, in their order, relative to the output directory. */
  runs: z.array(z.string()),
  settings: runSettings,
  plan,
  /** Known once the weights are loaded. */
  loaded: z
    .object({
      model,
      engine,
      schedule: z.object({
        batchGroups: z.array(z.int().positive()).readonly(),
        savedTokens: z.int().nonnegative(),
        digest: z.string(),
      }),
      /** Written when scoring ends, at its end or before. */
      observed: observation.nullable().default(null),
    })
    .nullable(),
  build: z.object({ version: z.string(), revision: z.string(), dirty: z.boolean() }),
  node: z.string(),
  platform: z.string(),
  /** Who writes to the directory; null when nobody does. */
  writer: writerSchema.nullable(),
});

export type RunRecord = z.infer<typeof runRecord>;

/** @throws UserError 'data' when the directory is no run directory, or its run.json is damaged. */
export function readRunRecord(directory: string): RunRecord {
  const file = path.join(directory, 'run.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError('data', `${directory} is no run directory: it has no readable run.json`, {
      where: directory,
      hint: 'the directory that a run printed, as results/<model>/<run-id>',
      cause: error,
    });
  }
  try {
    return runRecord.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error).split('\n').join(' ') : (error as Error).message;
    throw new UserError('data', `run.json is damaged: ${why}`, { where: file, cause: error });
  }
}

export async function writeRunRecord(directory: string, record: RunRecord): Promise<void> {
  await writeAtomically(path.join(directory, 'run.json'), `${JSON.stringify(record, null, 1)}\n`);
}
