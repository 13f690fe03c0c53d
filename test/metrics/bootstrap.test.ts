import test from 'ava';
import { bootstrapStderr } from '../../src/metrics/bootstrap.js';
import { perplexity } from '../../src/metrics/perplexity.js';
import { golden } from './lm-eval-golden.js';

const { ll, iters, stderr } = golden.bootstrap_ppl;

test("lm-eval's bootstrap of a perplexity is reproduced to the last digit", (t) => {
  t.is(bootstrapStderr(ll, perplexity, iters), stderr);
});

test('iterations beyond the last whole chunk of 1000 are left out, as in lm-eval', (t) => {
  t.is(bootstrapStderr(ll, perplexity, iters + 999), stderr);
});

test('fewer than 1000 iterations are one chunk', (t) => {
  t.true(bootstrapStderr(ll, perplexity, 10) > 0);
});
