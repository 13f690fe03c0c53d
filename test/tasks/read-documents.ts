// The documents of a benchmark's file, read by nothing but the standard library, so that tests of tasks need no data layer.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import { listTasks } from '../../src/tasks/registry.js';
import type { Document, StoredDataset, StoredTask, Task } from '../../src/tasks/task.js';
import { needsShared } from '../shared.js';

/** The benchmarks of others: their rows lie in files. */
export async function storedTasks(): Promise<StoredTask[]> {
  return (await listTasks()).flatMap((task) => ('file' in task.dataset ? [{ ...task, dataset: task.dataset }] : []));
}

export function readDocuments(task: Task, file: string): Document[] {
  const bytes = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return rows(task, text).map((row, index) => task.document(row, index, `${file}:${index + 1}`));
}

/** The documents of `file` in ../shared/data, or null where it is not there and the test has said so. */
export function sharedDocuments(t: ExecutionContext, task: Task, file: string): Document[] | null {
  const found = needsShared(t, 'data', file);
  return found === null ? null : readDocuments(task, found);
}

function rows(task: Task, text: string): unknown[] {
  const lines = text.replace(/\n$/, '').split('\n');
  const format = (task.dataset as StoredDataset).text;
  switch (format) {
    case undefined:
      return lines.map((line) => JSON.parse(line) as unknown);
    case 'lines':
      return lines.map((line) => ({ text: line }));
    case 'wikitext-pages':
      // A title has one `=` a side and a section two or more; a title of this corpus has no `=` in it.
      return text
        .split(/\n(?= = [^=\n]+ = \n)/)
        .filter((page) => page.trim() !== '')
        .map((page) => ({ page }));
    default:
      return format satisfies never;
  }
}
