// sweep.json at the root of a sweep's tree: what the sweep is made of, and how far each cell is.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { explainFileError } from '../file-errors.js';
import { UserError } from '../user-error.js';
import { writeAtomically } from '../write-atomically.js';
import { SWEEP_COMMANDS } from './sweep-file.js';

export const SWEEP_FILE = 'sweep.json';

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const build = z.object({ version: z.string(), revision: z.string(), dirty: z.boolean() });

const cellRecord = z.object({
  id: z.string(),
  step: z.string(),
  command: z.enum(SWEEP_COMMANDS),
  values: z.record(z.string(), scalar),
  /** `partial`: it ended with exit code 5, so that some of its figures are missing and the rest is there. */
  status: z.enum(['pending', 'running', 'done', 'partial', 'failed', 'interrupted']),
  /** Its command line, once it was started. */
  arguments: z.array(z.string()).nullable(),
  exitCode: z.number().nullable(),
  /** Wall-clock seconds of all its starts. */
  seconds: z.number(),
  /** Why it failed: the last line of its stderr. */
  failure: z.string().nullable(),
  /** Directories of its runs, relative to the tree. */
  runs: z.array(z.string()),
  /** The best values that it failed with before, such as a rate at which a longer training diverged, and where those runs lie now. */
  fellBack: z.array(z.object({ value: scalar, failure: z.string().nullable(), directory: z.string() })).default([]),
  /** Of the program that started it last. */
  build: build.nullable(),
});

export type CellRecord = z.infer<typeof cellRecord>;

const sweepRecord = z.object({
  format: z.literal(1),
  kind: z.literal('sweep'),
  title: z.string(),
  notes: z.string(),
  created: z.string(),
  /** The file's name, and SHA-256 of its text. */
  file: z.string(),
  digest: z.string(),
  variables: z.record(z.string(), scalar),
  build,
  node: z.string(),
  platform: z.string(),
  cells: z.array(cellRecord),
});

export type SweepRecord = z.infer<typeof sweepRecord>;

/** @returns null where the tree has none. @throws UserError 'data' for one that is damaged. */
export function readSweepRecord(tree: string): SweepRecord | null {
  const file = path.join(tree, SWEEP_FILE);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw explainFileError(error, 'read', file);
  }
  try {
    return sweepRecord.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error).split('\n').join(' ') : (error as Error).message;
    throw new UserError('data', `${file} is damaged: ${why}`, { where: file, cause: error });
  }
}

export function writeSweepRecord(tree: string, record: SweepRecord): Promise<void> {
  return writeAtomically(path.join(tree, SWEEP_FILE), `${JSON.stringify(record, null, 1)}\n`);
}
