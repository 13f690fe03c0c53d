// Where the project's own few documents of a benchmark lie.
import path from 'node:path';
import { packageRoot } from '../package-root.js';
import type { StoredTask } from './task.js';

/** The fixture beside a task's definition: rows of the real schema, invented text. */
export function fixtureFile(task: StoredTask): string {
  const extension = task.dataset.text === undefined ? 'jsonl' : 'txt';
  return path.join(packageRoot, 'tasks', task.name, `fixture.${extension}`);
}
