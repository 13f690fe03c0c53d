import test from 'ava';
import { learningRate, type Schedule } from '../../src/train/schedule.js';

const COMMON = { peak: 2, minimum: 0.5, warmupSteps: 4, decaySteps: 4, steps: 20 };
const near = (a: number, b: number) => Math.abs(a - b) < 1e-12;

test('the warm-up rises by equal steps to the peak', (t) => {
  for (const kind of ['cosine', 'wsd'] as const) {
    const rates = [1, 2, 3, 4].map((step) => learningRate({ ...COMMON, kind }, step));
    t.deepEqual(rates, [0.5, 1, 1.5, 2]);
  }
});

test('the cosine is halfway down in the middle and at its minimum at the last step', (t) => {
  const cosine: Schedule = { ...COMMON, kind: 'cosine' };
  t.true(near(learningRate(cosine, 12), 1.25));
  t.true(near(learningRate(cosine, 8), 0.5 + 1.5 * 0.5 * (1 + Math.SQRT1_2)));
  t.true(near(learningRate(cosine, 20), 0.5));
});

test('warm-up-stable-decay stays at the peak, then falls by equal steps to its minimum', (t) => {
  const wsd: Schedule = { ...COMMON, kind: 'wsd' };
  t.deepEqual(
    [5, 10, 16, 17, 18, 19, 20].map((step) => learningRate(wsd, step)),
    [2, 2, 2, 1.625, 1.25, 0.875, 0.5],
  );
});

test('a run that is all warm-up, or all decay, divides by no zero', (t) => {
  t.is(learningRate({ ...COMMON, kind: 'cosine', warmupSteps: 20 }, 20), 2);
  t.is(learningRate({ ...COMMON, kind: 'cosine', warmupSteps: 0, steps: 1 }, 1), 0.5);
  t.is(learningRate({ ...COMMON, kind: 'wsd', warmupSteps: 0, decaySteps: 20 }, 20), 0.5);
});
