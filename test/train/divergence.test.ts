import test from 'ava';
import { DivergenceWatch } from '../../src/train/divergence.js';

function watchAfter(losses: readonly number[], factor: number | null = 3): DivergenceWatch {
  const watch = new DivergenceWatch(factor, 256);
  for (const loss of losses) watch.judge(loss, 1);
  return watch;
}

test('what is no number ends a run at once, in the loss and in the gradients', (t) => {
  t.is(watchAfter([]).judge(NaN, 1), 'the loss is NaN');
  t.is(watchAfter([]).judge(Infinity, 1), 'the loss is Infinity');
  t.is(watchAfter([], null).judge(5, NaN), 'the norm of the gradients is NaN');
});

test('a loss beyond three times the median, and worse than guessing, ends it', (t) => {
  const watch = watchAfter(Array<number>(20).fill(4));
  t.is(watch.judge(11.9, 1), null);
  t.regex(watch.judge(12.1, 1)!, /the loss is 12.10, after a median of 4.000 over 21 steps/);
});

test('a peak of a small loss that stays below guessing does not', (t) => {
  const watch = watchAfter(Array<number>(20).fill(0.1));
  t.is(watch.judge(5.5, 1), null);
  t.not(watch.judge(5.6, 1), null);
});

test('the first losses, and a factor of null, let any number pass', (t) => {
  t.is(watchAfter([1, 1, 1]).judge(1000, 1), null);
  t.is(watchAfter(Array<number>(20).fill(1), null).judge(1000, 1), null);
});

test('a watch that goes on from the losses of another judges as it', (t) => {
  const losses = Array.from({ length: 100 }, (_, k) => 5 - k / 25);
  const watch = watchAfter(losses);
  const other = new DivergenceWatch(3, 256, watch.losses());
  t.is(other.losses().length, 64);
  t.is(other.judge(9, 1), watch.judge(9, 1));
});
