// A sweep read, multiplied out and checked, before anything runs.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { explainFileError } from '../file-errors.js';
import { cellsOf } from './cells.js';
import type { SweepPlan } from './run-sweep.js';
import { parseSweep } from './sweep-file.js';

/**
 * @param settings `name=value` pairs of the command line
 * @param dataDir what `{data}` stands for
 * @param jobs in place of the file's
 * @throws UserError 'data' or 'usage' for a file, a setting or a placeholder that is wrong
 */
export function planSweep(
  file: string,
  settings: readonly string[],
  tree: string,
  { dataDir, jobs }: { dataDir?: string | undefined; jobs?: number | undefined },
): SweepPlan {
  const text = read(file);
  const parsed = parseSweep(text, file, settings);
  const sweep = {
    ...parsed,
    jobs: jobs ?? parsed.jobs,
    variables: { ...parsed.variables, here: path.dirname(file), data: dataDir ?? null },
  };
  return { sweep, cells: cellsOf(sweep, file), file, tree, digest: createHash('sha256').update(text).digest('hex') };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw explainFileError(error, 'read', file);
  }
}
