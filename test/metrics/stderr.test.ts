import test from 'ava';
import { mean, meanStderr } from '../../src/metrics/stderr.js';
import { golden } from './lm-eval-golden.js';

test("mean and standard error of an accuracy are lm-eval's to the last digit", (t) => {
  t.is(mean(golden.stderr.acc), golden.stderr.mean);
  t.is(meanStderr(golden.stderr.acc), golden.stderr.stderr);
});

test('one value has no standard error', (t) => {
  t.is(meanStderr([1]), NaN);
});
