// Whether a GPU adapter, a real or a software one, is there for tests that need it.
import type { ExecutionContext } from 'ava';
import { startEngine } from '../src/backends/engine.js';
import { UserError } from '../src/user-error.js';

/** Without an adapter the test passes with a printed reason, and fails in CI, where it must run. */
export async function needsWebgpu(t: ExecutionContext): Promise<boolean> {
  try {
    await startEngine('webgpu');
    return true;
  } catch (error) {
    if (!(error instanceof UserError) || process.env.CI) throw error;
    t.log(`skipped: ${error.message}`);
    t.pass();
    return false;
  }
}
