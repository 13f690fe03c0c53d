// Finds the file of a benchmark's rows in a data directory: as it is named, or gzipped.
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { StoredTask, Task } from '../tasks/task.js';
import { UserError } from '../user-error.js';
import { type StoredRows, dataDirectory } from './row-source.js';

export interface DataFile {
  readonly path: string;
  /** True for `Dataset.partialFile`. */
  readonly partial: boolean;
}

/** @throws UserError 'usage' for a task whose rows come from no file. */
export function storedTask(task: Task): StoredTask {
  const { dataset } = task;
  if ('file' in dataset) return { ...task, dataset };
  throw new UserError('usage', `${task.name} has no file: ${dataset.generator} writes its rows`);
}

/** The task's file, or with `allowPartial` its partial one where only that is there; null where there is none. */
export function findDataFile(task: StoredTask, source: StoredRows, allowPartial: boolean): DataFile | null {
  const { file, partialFile } = task.dataset;
  const directory = dataDirectory(source);
  const whole = existing(directory, file);
  if (whole !== null) return { path: whole, partial: false };
  const partial = allowPartial && partialFile !== undefined ? existing(directory, partialFile) : null;
  return partial === null ? null : { path: partial, partial: true };
}

/** The task's file, or where it belongs when it is not there. */
export function taskPath(task: StoredTask, source: StoredRows): string {
  return findDataFile(task, source, false)?.path ?? path.join(dataDirectory(source), task.dataset.file);
}

/** The error for a file that is not there: which, where, and the command that brings it. */
export function missingFile({ name, dataset }: StoredTask, source: StoredRows): UserError {
  const directory = dataDirectory(source);
  const { file, partialFile } = dataset;
  const pull =
    source.kind === 'cache'
      ? `swat-eval data pull ${name}`
      : `swat-eval data pull ${name}, and no --data-dir (SWAT_EVAL_DATA)`;
  if (partialFile !== undefined && existing(directory, partialFile) !== null)
    return new UserError('data', `${file} is not in ${directory}; only a part of its rows is, in ${partialFile}`, {
      where: path.join(directory, file),
      hint: `${pull}, or --allow-partial to run on what is there`,
    });
  return new UserError('data', `${file} is not in ${directory}`, { where: path.join(directory, file), hint: pull });
}

function existing(directory: string, file: string): string | null {
  const plain = path.join(directory, file);
  return [plain, `${plain}.gz`].find((candidate) => existsSync(candidate)) ?? null;
}
