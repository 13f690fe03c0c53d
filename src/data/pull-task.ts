// Brings a benchmark from the Hugging Face hub into the cache, in the layout of a data directory, checked before it lies there.
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { makeDirectories } from '../make-directories.js';
import type { StoredTask } from '../tasks/task.js';
import { UserError } from '../user-error.js';
import { writeAtomically } from '../write-atomically.js';
import { findDataFile, missingFile } from './data-file.js';
import { download } from './download.js';
import type { Hub } from './hub-client.js';
import { type HubFile, findHubFiles } from './hub-files.js';
import { render, verifyTask } from './load-task.js';
import { readParquetRows } from './parquet-rows.js';
import { type Cache, dataDirectory } from './row-source.js';
import { type Row, formatRows, parseRows, rowFormat } from './rows.js';
import { readTextFile } from './text-file.js';

export interface PullOptions {
  readonly hub: Hub;
  /** Pull even what is there and right. */
  readonly force: boolean;
}

/**
 * @returns The task's file in the cache; one that is there and right stays as it is.
 * @throws UserError 'data' when it is missing or wrong and the cache is offline, when the hub does not give it, or when what
 *   it gives are not the benchmark's rows; 'failure' when the cache cannot be written. The file is written whole or not at all.
 */
export async function pullTask(task: StoredTask, cache: Cache, { hub, force }: PullOptions): Promise<string> {
  const present = force ? null : await rightFile(task, cache, hub);
  if (present !== null) return present;
  if (cache.offline) throw missingFile(task, cache);
  const files = await findHubFiles(hub, task.dataset);
  const target = insideOf(dataDirectory(cache), task.dataset.file);
  const directory = path.dirname(target);
  try {
    makeDirectories(directory);
    const rows: Row[] = [];
    for (const file of files) {
      hub.report(`${task.name}: ${file.repository}/${file.path}, ${file.size.toLocaleString('en-US')} bytes`);
      rows.push(...(await downloadRows(hub, file, directory)));
    }
    await writeAtomically(target, checkedText(task, rows));
    return target;
  } catch (error) {
    throw error instanceof Error && 'syscall' in error
      ? new UserError('failure', `the cache cannot be written: ${error.message}`, { where: directory, cause: error })
      : error;
  }
}

async function rightFile(task: StoredTask, cache: Cache, hub: Hub): Promise<string | null> {
  if (findDataFile(task, cache, false) === null) return null;
  try {
    return (await verifyTask(task, cache)).origin;
  } catch (error) {
    if (!(error instanceof UserError) || cache.offline) throw error;
    hub.report(`${task.name}: ${error.message}; pulling it anew`);
    return null;
  }
}

async function downloadRows(hub: Hub, file: HubFile, directory: string): Promise<Row[]> {
  const name = `${file.repository}/${file.path}`;
  const downloaded = await download(hub, file, directory);
  try {
    return name.endsWith('.parquet')
      ? await readParquetRows(downloaded, name)
      : parseRows('jsonl', await readTextFile(downloaded, name), name);
  } finally {
    await rm(downloaded);
  }
}

/** The file's text, once what a reader gets from it is the benchmark. */
function checkedText(task: StoredTask, rows: readonly Row[]): string {
  const format = rowFormat(task.dataset);
  const text = formatRows(format, rows);
  const { mismatch } = render(task, parseRows(format, text, task.dataset.hub), task.dataset.hub);
  if (mismatch === null) return text;
  throw new UserError('data', mismatch, {
    where: task.dataset.hub,
    hint: 'the dataset on the hub is no longer the one that lm-eval scores; a copy of that one goes into --data-dir',
  });
}

/** Task definitions name files below the data directory; a name that leads out of it is refused. */
function insideOf(directory: string, file: string): string {
  const target = path.resolve(directory, file);
  if (target.startsWith(path.resolve(directory) + path.sep)) return target;
  throw new UserError('data', `the data file ${file} would lie outside ${directory}`, { where: file });
}
