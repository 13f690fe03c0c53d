// Runs with their documents, read back from samples_<task>.jsonl: what models are compared by, document by document.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { RunSummary, TaskSummary } from '../evaluate/run-summary.js';
import type { DocumentValues } from '../metrics/document-values.js';
import type { MetricName } from '../tasks/task.js';
import { UserError } from '../user-error.js';
import { explainFileError } from '../file-errors.js';
import { readRun } from './read-run.js';

/** A scored document without its text. */
export interface SampledDocument {
  /** Its position in the split. */
  readonly id: number;
  /** Log-likelihood of each of its requests, in nats. */
  readonly logprobs: readonly number[];
  readonly values: DocumentValues;
}

export interface SampledRun {
  /** The run's directory, for errors. */
  readonly where: string;
  readonly summary: RunSummary;
  /** By task, in the order of the split; a task has no entry where the run wrote no samples. */
  readonly documents: ReadonlyMap<string, readonly SampledDocument[]>;
}

/**
 * @param place a run directory, or the results.json in one.
 * @throws UserError 'data' when there is no run, or when it or its samples are damaged.
 */
export async function readSampledRun(place: string): Promise<SampledRun> {
  const where = place.endsWith('.json') ? path.dirname(place) : place;
  const summary = await readRun(place);
  const documents = new Map<string, readonly SampledDocument[]>();
  for (const task of summary.tasks) {
    const samples = await readSamples(where, task);
    if (samples !== null) documents.set(task.task, samples);
  }
  return { where, summary, documents };
}

async function readSamples(directory: string, task: TaskSummary): Promise<SampledDocument[] | null> {
  const file = path.join(directory, `samples_${task.task}.jsonl`);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw explainFileError(error, 'read', file);
  }
  const lines = text.split('\n').slice(0, -1); // a line ends with its line feed
  if (lines.length !== task.documents)
    throw damaged(file, `it has ${lines.length} documents, and results.json ${task.documents}`);
  const names = task.metrics.map(({ name }) => name);
  return lines.map((line, k) => parseSample(line, names, `${file}:${k + 1}`));
}

/** JSON has no NaN: what was not finite was written as null. */
const number = z
  .number()
  .nullable()
  .transform((value) => value ?? NaN);
const value = z.union([number, z.tuple([number, number])]);
const response = z.union([z.string(), z.tuple([z.string(), z.string()])]);
const sample = z.looseObject({ doc_id: z.int().nonnegative(), filtered_resps: z.array(response) });

function parseSample(line: string, names: readonly MetricName[], where: string): SampledDocument {
  try {
    const row = sample.parse(JSON.parse(line));
    return {
      id: row.doc_id,
      logprobs: row.filtered_resps.map((each) => pythonNumber(typeof each === 'string' ? each : each[0])),
      values: Object.fromEntries(names.map((name) => [name, value.parse(row[name])])),
    };
  } catch (error) {
    const why = error instanceof z.ZodError ? error.issues[0]!.message : (error as Error).message;
    throw damaged(where, why, error);
  }
}

/** A float as Python prints it. */
function pythonNumber(text: string): number {
  switch (text) {
    case 'inf':
      return Infinity;
    case '-inf':
      return -Infinity;
    default:
      return Number(text);
  }
}

function damaged(where: string, why: string, cause?: unknown): UserError {
  return new UserError('data', `the samples cannot be read: ${why}`, { where, cause });
}
