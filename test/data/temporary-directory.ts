// A directory that is gone after the test.
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';

export async function temporaryDirectory(t: ExecutionContext<unknown>): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'swat-eval-data-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
