// Where runs lie: <output>/<model>/<run-id>/, and <output>/latest, which points to the newest one.
import { lstatSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { makeDirectories, makeDirectory } from '../make-directories.js';
import { UserError } from '../user-error.js';
import { writeAtomically } from '../write-atomically.js';

export const JOURNAL_FILE = 'requests.jsonl';

/**
 * Creates a new run directory, named by the UTC time and the plan's hash.
 * @throws UserError 'usage' when the output directory cannot be written.
 */
export function createRunDirectory(output: string, model: string, planHash: string, started: Date): string {
  const stamp = started.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const parent = path.join(output, modelSlug(model));
  try {
    makeDirectories(parent);
    for (let attempt = 1; ; attempt += 1) {
      const runId = `${stamp}-${planHash.slice(0, 8)}${attempt > 1 ? `-${attempt}` : ''}`;
      if (makeDirectory(path.join(parent, runId))) return path.join(parent, runId);
    }
  } catch (error) {
    throw new UserError('usage', `--output ${output} cannot be written: ${(error as Error).message}`, {
      hint: '--output with a directory that you may write to',
      cause: error,
    });
  }
}

/** lm-evaluation-harness's `sanitize_model_name`: what no file name may hold becomes `__`. */
export function sanitizeModelName(name: string): string {
  return name.replaceAll(/["<>:/|\\?*[\]]+/g, '__');
}

/** A model's name as a folder: sanitised, and never a name with a meaning of its own. */
export function modelSlug(model: string): string {
  const slug = sanitizeModelName(model);
  return /^(\.*|latest(-(training|bench|ppl))?)$/.test(slug) ? `${slug}__` : slug;
}

/** Points <output>/latest, or another name, to a run directory: a symbolic link, on Windows a text file. */
export async function pointLatest(output: string, directory: string, name = 'latest'): Promise<void> {
  const latest = path.join(output, name);
  const target = path.relative(output, directory);
  if (process.platform === 'win32') return writeAtomically(latest, `${target}\n`);
  const temporary = `${latest}.${process.pid}.tmp`;
  try {
    rmSync(temporary, { force: true });
    symlinkSync(target, temporary);
    renameSync(temporary, latest);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new UserError('failure', `${latest} cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * The run directory that `--resume [RUN]` means: without RUN the newest one below the output directory.
 * @throws UserError 'data' when there is none.
 */
export function resolveRun(run: string | null, output: string, name = 'latest'): string {
  if (run !== null) return followPointer(run) ?? run;
  const newest = followPointer(path.join(output, name));
  if (newest !== null) return newest;
  throw new UserError('data', `${output} holds no run that could be resumed`, {
    hint: '--resume with a run directory, or --output with the directory that the run was written to',
  });
}

/** Where a `latest` pointer leads, null for anything else. */
function followPointer(file: string): string | null {
  const status = lstatSync(file, { throwIfNoEntry: false });
  if (status === undefined || status.isDirectory()) return null;
  const target = status.isSymbolicLink() ? readlinkSync(file) : readFileSync(file, 'utf8').trim();
  return path.join(path.dirname(file), target);
}
