// A directory with those above it. Node's own recursive mkdir never comes back from a file system that refuses with ENOENT, as /proc
// does.
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

/** @throws the operating system's error. */
export function makeDirectories(directory: string): void {
  if (existsSync(directory)) return;
  makeDirectories(path.dirname(directory));
  makeDirectory(directory);
}

/** False when it is there already. */
export function makeDirectory(directory: string): boolean {
  try {
    mkdirSync(directory);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
