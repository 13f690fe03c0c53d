import test from 'ava';
import { sizeWeightedMean, unweightedMean } from '../../src/metrics/group.js';
import { golden } from './lm-eval-golden.js';

test("the pooled standard error of a group is lm-eval's to the last digit", (t) => {
  const parts = golden.pooled.stderrs.map((stderr, k) => ({ value: 0.5, stderr, documents: golden.pooled.sizes[k]! }));
  t.is(sizeWeightedMean(parts).stderr, golden.pooled.out);
});

test('a size-weighted mean counts documents, an unweighted one tasks', (t) => {
  const parts = [
    { value: 1, stderr: 0.3, documents: 10 },
    { value: 0, stderr: 0.4, documents: 30 },
  ];
  t.is(sizeWeightedMean(parts).value, 0.25);
  t.is(unweightedMean(parts).value, 0.5);
});

test('standard errors of an unweighted mean add in squares', (t) => {
  t.is(
    unweightedMean([
      { value: 1, stderr: 0.3 },
      { value: 0, stderr: 0.4 },
    ]).stderr,
    0.25,
  );
});

test('a part without a standard error leaves the group without one', (t) => {
  const parts = [
    { value: 1, stderr: null, documents: 1 },
    { value: 0, stderr: 0.4, documents: 30 },
  ];
  t.is(unweightedMean(parts).stderr, null);
  t.is(sizeWeightedMean(parts).stderr, null);
});
