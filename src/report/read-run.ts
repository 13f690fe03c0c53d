// Runs from disk: what `table` and `plot` are given.
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { z } from 'zod';
import type { RunSummary } from '../evaluate/run-summary.js';
import { readBenchRecord, type BenchRecord } from '../bench/bench-record.js';
import { readPplRecord, type PplRecord } from '../perplexity/ppl-record.js';
import { UserError } from '../user-error.js';
import { readTraining, type TrainedRun } from './read-training.js';
import { runSchema } from './run-schema.js';

const RESULTS = 'results.json';
/** Files that tell what a directory holds: an evaluation, a benchmark, perplexities against length, a training run. */
const BENCH = 'bench.csv';
const PPL = 'ppl.csv';
const TRAINING = 'train.csv';
/** All that a training run may have left that failed before its first table. */
const RECORD = 'run.json';

/** What was measured, by what measured it. */
export interface Found {
  readonly runs: RunSummary[];
  readonly benches: BenchRecord[];
  readonly ppls: PplRecord[];
  readonly trainings: TrainedRun[];
}

/**
 * The run in a directory, or in a results.json.
 * @throws UserError 'data' when there is none, or when it is damaged.
 */
export async function readRun(place: string): Promise<RunSummary> {
  const file = (await isDirectory(place)) ? path.join(place, RESULTS) : place;
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? noRun(place) : unreadable(file, error.message);
  });
  return parseRun(text, file);
}

/** What paths stand for. @throws UserError 'data' as `expandRuns` and the readers. */
export async function readPlaces(places: readonly string[]): Promise<Found> {
  const { runs, benches, ppls, trainings } = await placesByKind(places);
  return {
    runs: await Promise.all(runs.map(readRun)),
    benches: benches.map(readBenchRecord),
    ppls: ppls.map(readPplRecord),
    trainings: trainings.map(readTraining),
  };
}

/** Where they lie: directories and files of evaluations, directories of what else was measured. @throws UserError 'data' as `expandRuns`. */
export async function placesByKind(places: readonly string[]): Promise<Record<keyof Found, string[]>> {
  const found = await expandRuns(places);
  const kinds = await Promise.all(found.map(kindOf));
  const of = (kind: string) => found.filter((_, k) => kinds[k] === kind);
  return { runs: of(RESULTS), benches: of(BENCH), ppls: of(PPL), trainings: of(TRAINING) };
}

/**
 * The run directories and results files that paths stand for: a run itself, or a tree with runs in it.
 * @throws UserError 'data' for a path without any.
 */
export async function expandRuns(places: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    places.map(async (place) => {
      const runs = (await isDirectory(place)) ? await runsBelow(place) : [place];
      if (runs.length === 0) throw noRun(place);
      return runs;
    }),
  );
  return [...new Set(found.flat().map((run) => path.normalize(run)))];
}

/** Links are not followed: `results/latest` would show a run twice. */
async function runsBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.map(({ name }) => name);
  if ((await kindIn(directory, names)) !== null) return [directory];
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => path.join(directory, name));
  const runs = await Promise.all(folders.sort().map(runsBelow));
  return runs.flat();
}

function parseRun(text: string, file: string): RunSummary {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw unreadable(file, `it is not JSON (${(error as Error).message})`);
  }
  if (typeof content !== 'object' || content === null || !('swat_eval' in content))
    throw unreadable(file, 'it was not written by swat-eval: it has no `swat_eval`');
  const parsed = runSchema.safeParse(content.swat_eval);
  if (!parsed.success) throw unreadable(file, `swat_eval: ${firstIssue(parsed.error)}`);
  return parsed.data;
}

function firstIssue({ issues }: z.ZodError): string {
  const [issue] = issues;
  return issue === undefined ? 'not valid' : `${issue.path.join('.')}: ${issue.message}`;
}

async function kindOf(place: string): Promise<string> {
  const kind = (await isDirectory(place)) ? await kindIn(place, await readdir(place)) : null;
  return kind ?? RESULTS;
}

/** The file that tells what is in a directory; null for one that holds no run. */
async function kindIn(directory: string, names: readonly string[]): Promise<string | null> {
  const told = [BENCH, PPL, TRAINING, RESULTS].find((name) => names.includes(name));
  if (told !== undefined || !names.includes(RECORD)) return told ?? null;
  return (await isFailedTraining(path.join(directory, RECORD))) ? TRAINING : null;
}

async function isFailedTraining(file: string): Promise<boolean> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw unreadable(file, error.message);
  });
  try {
    const { kind, status } = JSON.parse(text) as { kind?: unknown; status?: unknown };
    return kind === 'train' && status === 'failed';
  } catch {
    // Torn: whoever writes it is not done, or never was.
    return false;
  }
}

async function isDirectory(place: string): Promise<boolean> {
  const stats = await stat(place).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' || error.code === 'ENOTDIR' ? noPlace(place) : unreadable(place, error.message);
  });
  return stats.isDirectory();
}

/** What names a run: a hint. */
const PLACE = 'the directory that `swat-eval run` printed, or one above it';

function noRun(place: string): UserError {
  return new UserError('data', `${place} is no run: there is no ${RESULTS}`, { where: place, hint: PLACE });
}

function noPlace(place: string): UserError {
  return new UserError('data', `${place} is no run: it does not exist`, { where: place, hint: PLACE });
}

function unreadable(file: string, reason: string): UserError {
  return new UserError('data', `cannot read the run in ${file}: ${reason}`, { where: file });
}
