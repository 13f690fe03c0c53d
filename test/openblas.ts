// Whether OpenBLAS is there for tests that need it.
import type { TestFn } from 'ava';
import { loadOpenBlas } from '../src/backends/openblas.js';

/** Where it is not, one passing test says so instead; in CI, where it must be, that test fails. */
export async function needsOpenBlas(test: TestFn): Promise<boolean> {
  delete process.env.SWAT_EVAL_BLAS;
  if ((await loadOpenBlas(undefined)) !== null) return true;
  test('OpenBLAS is not tested here', (t) => {
    t.log('skipped: needs libopenblas and the package koffi');
    t.falsy(process.env.CI, 'CI must have them');
  });
  return false;
}
