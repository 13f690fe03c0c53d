// A sweep read, multiplied out and checked, before anything runs.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { explainFileError } from '../file-errors.js';
import { cellsOf } from './cells.js';
import type { SweepPlan } from './run-sweep.js';
import { parseSweep, unknownName } from './sweep-file.js';

/**
 * @param settings `name=value` pairs of the command line
 * @param dataDir what `{data}` stands for
 * @param jobs in place of the file's
 * @param only steps to run now, in place of all
 * @throws UserError 'data' or 'usage' for a file, a setting or a placeholder that is wrong
 */
export function planSweep(
  file: string,
  settings: readonly string[],
  tree: string,
  { dataDir, jobs, only }: { dataDir?: string | undefined; jobs?: number | undefined; only?: string[] | undefined },
): SweepPlan {
  const text = read(file);
  const parsed = parseSweep(text, file, settings);
  const sweep = {
    ...parsed,
    jobs: jobs ?? parsed.jobs,
    variables: { ...parsed.variables, here: path.dirname(file), data: dataDir ?? null },
  };
  const steps = sweep.steps.map(({ name }) => name);
  for (const name of only ?? []) if (!steps.includes(name)) throw unknownName('step', name, steps, '--only');
  const digest = createHash('sha256').update(text).digest('hex');
  return { sweep, cells: cellsOf(sweep, file), asked: new Set(only ?? steps), file, tree, digest };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw explainFileError(error, 'read', file);
  }
}
