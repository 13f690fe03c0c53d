// Where the shared reference data lies, for tests that need it: beside the repository, or where SWAT_EVAL_SHARED says.
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { packageRoot } from '../src/package-root.js';

const shared = process.env.SWAT_EVAL_SHARED ?? path.join(packageRoot, '..', 'shared');

/** A path below `../shared`, or null where it is not there. */
export function sharedPath(...parts: string[]): string | null {
  const file = path.join(shared, ...parts);
  return existsSync(file) ? file : null;
}

/** The same for a test: without the file the test passes with a printed reason, and fails in CI, where it must run. */
export function needsShared(t: ExecutionContext<unknown>, ...parts: string[]): string | null {
  const file = sharedPath(...parts);
  if (file !== null) return file;
  const reason = `needs ../shared/${parts.join('/')}`;
  if (process.env.CI) throw new Error(`${reason}, which CI must have`);
  t.log(`skipped: ${reason}`);
  t.pass();
  return null;
}
