// run.json of what is measured cell by cell: what those of `bench` and `ppl` have in common, and how they are read. It is whole
// after each cell, so that what was stopped goes on from it.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../user-error.js';

export const count = z.int().nonnegative();
export const windowSetting = z.union([z.int().positive(), z.literal('full')]);
const dtype = z.enum(['f32', 'f16']);

/** How a record begins: which run it is, how far, of which model on which engine. A command says more of the model. */
export const opening = {
  format: z.literal(1),
  kind: z.enum(['bench', 'ppl']),
  runId: z.string(),
  status: z.enum(['running', 'complete', 'interrupted']),
  /** UTC. */
  created: z.string(),
  model: z.object({ weightsDigest: z.string() }),
  engine: z.object({
    backend: z.string(),
    dtype,
    device: z.string(),
    software: z.boolean(),
    blas: z.string().nullable().default(null),
  }),
};

/** How it ends: what was asked for and came of it, of which a command says more, and where that was. */
export const closing = {
  /** Directories of all models of the command, in their order, relative to the output directory. */
  runs: z.array(z.string()),
  settings: z.object({ models: z.array(z.string()), windows: z.array(windowSetting).nullable(), dtype }),
  results: z.array(
    z.object({ status: z.enum(['ok', 'OOM', 'failed']), cell: z.object({ window: windowSetting.nullable() }) }),
  ),
  cpu: z.string(),
  build: z.object({ version: z.string(), revision: z.string(), dirty: z.boolean() }),
  node: z.string(),
  platform: z.string(),
};

export type MeasuredRecord = z.infer<z.ZodObject<typeof opening & typeof closing>>;

/** The result of a cell that has no figure. */
export function unmeasured<C extends z.ZodType>(cell: C) {
  return z.object({
    /** OOM: the device, or the bound that protects the engine from it, had no room. */
    status: z.enum(['OOM', 'failed']),
    cell,
    date: z.string(),
    window: z.int().positive().nullable(),
    stateBytes: z.number(),
    error: z.string(),
  });
}

/**
 * @param words what a directory without such a record holds none of, and what another record is not
 * @throws UserError 'data' when the directory holds no such run, or its run.json is damaged.
 */
export function readMeasuredRecord<R extends MeasuredRecord>(
  directory: string,
  schema: z.ZodType<R>,
  words: { readonly command: R['kind']; readonly none: string; readonly other: string },
): R {
  const file = path.join(directory, 'run.json');
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UserError('data', `${directory} holds ${words.none}: its run.json cannot be read`, {
      where: file,
      hint: `the directory that \`swat-eval ${words.command}\` printed`,
      cause: error,
    });
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError('data', `run.json is ${words.other}: ${issue!.path.join('.')}: ${issue!.message}`, {
    where: file,
  });
}
