// A benchmark, ready to be asked: its rows read from their source, rendered, and checked against what the benchmark should be.
import path from 'node:path';
import { packageRoot } from '../package-root.js';
import { fixtureFile } from '../tasks/fixture-file.js';
import { requestsDigest } from '../tasks/requests-digest.js';
import type { Document, GeneratedDataset, StoredTask, Task } from '../tasks/task.js';
import { UserError } from '../user-error.js';
import { findDataFile, missingFile, storedTask } from './data-file.js';
import { type Hub, hubFromEnvironment } from './hub-client.js';
import type { RowSource, StoredRows } from './row-source.js';
import { type Row, readRows, rowFormat } from './rows.js';

export interface LoadedTask {
  readonly task: Task;
  readonly documents: readonly Document[];
  /** Why a score on these documents is not one on the benchmark: some rows only, or the package's own sentences. */
  readonly label: 'partial' | 'fixtures' | null;
  /** `requestsDigest` of the documents. */
  readonly digest: string;
  /** File the rows came from; for fixtures its path inside the package; for generated rows what wrote them. */
  readonly origin: string;
}

export interface LoadOptions {
  /** Take rows that are too few, or others than the benchmark's, and label the result. */
  readonly allowPartial: boolean;
  /** Where a cache that is not offline gets what it lacks; by default the hub of the environment, reporting to stderr. */
  readonly hub?: Hub;
}

/**
 * Rows that the package generates come from no source, and are the same with any.
 * @throws UserError 'data' for a missing or damaged file, a malformed row (with file:line), and, unless `allowPartial`,
 *   for another number of rows or another digest than the benchmark has.
 */
export async function loadTask(task: Task, source: RowSource, options: LoadOptions): Promise<LoadedTask> {
  const { dataset } = task;
  if ('generate' in dataset) return generateRows(task, dataset, options);
  if (source.kind === 'fixtures') return loadFixtures(storedTask(task));
  return loadStored(storedTask(task), source, options);
}

async function loadStored(
  task: StoredTask,
  source: StoredRows,
  { allowPartial, hub }: LoadOptions,
): Promise<LoadedTask> {
  const file = findDataFile(task, source, allowPartial);
  if (file === null) {
    if (source.kind === 'directory' || source.offline) throw missingFile(task, source);
    const { pullTask } = await import('./pull-task.js');
    await pullTask(task, source, { hub: hub ?? hubFromEnvironment(process.env, printToStderr), force: false });
    return loadStored(task, { ...source, offline: true }, { allowPartial });
  }
  const { documents, digest, mismatch } = render(task, await readRows(rowFormat(task.dataset), file.path), file.path);
  if (mismatch !== null && !allowPartial)
    throw new UserError('data', mismatch, {
      where: file.path,
      hint: `swat-eval data pull ${task.name}, or --allow-partial to run on what is there`,
    });
  return { task, documents, digest, label: file.partial || mismatch !== null ? 'partial' : null, origin: file.path };
}

function printToStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Loads without network and without leniency. */
export async function verifyTask(task: Task, source: StoredRows): Promise<LoadedTask> {
  return loadTask(task, source.kind === 'cache' ? { ...source, offline: true } : source, { allowPartial: false });
}

export interface RenderedRows {
  readonly documents: readonly Document[];
  readonly digest: string;
  /** How the rows differ from the benchmark's, as a sentence; null when they are the benchmark's. */
  readonly mismatch: string | null;
}

/** @throws UserError 'data' for a row that is not one of the task's. */
export function render(task: Task, rows: readonly Row[], file: string): RenderedRows {
  const documents = rows.map(({ value, where }, index) => task.document(value, index, where));
  const digest = requestsDigest(documents);
  return { documents, digest, mismatch: mismatchOf(task, documents.length, digest, file) };
}

function mismatchOf({ dataset }: Task, rows: number, digest: string, file: string): string | null {
  if (rows !== dataset.rows) return `${file} has ${count(rows)} rows, expected ${count(dataset.rows)}`;
  if (dataset.digest === null || digest === dataset.digest) return null;
  return `${file} gives requests with digest ${digest}, expected ${dataset.digest}`;
}

function count(rows: number): string {
  return rows.toLocaleString('en-US');
}

function generateRows(
  task: Task,
  { generator, generate }: GeneratedDataset,
  { allowPartial }: LoadOptions,
): LoadedTask {
  const rows = Array.from(generate(), (value, index) => ({ value, where: `${generator}, row ${index}` }));
  const { documents, digest, mismatch } = render(task, rows, generator);
  if (mismatch !== null && !allowPartial) throw new UserError('data', mismatch, { where: generator });
  return { task, documents, digest, label: mismatch === null ? null : 'partial', origin: generator };
}

async function loadFixtures(task: StoredTask): Promise<LoadedTask> {
  const file = fixtureFile(task);
  const { documents, digest } = render(task, await readRows(rowFormat(task.dataset), file), file);
  return { task, documents, digest, label: 'fixtures', origin: path.relative(packageRoot, file) };
}
