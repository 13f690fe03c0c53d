import test from 'ava';
import { leadersOf, type Contest } from '../../src/metrics/best.js';

/** p of every pair, the better one first. */
const contest = (order: number[], ps: Record<string, number>): Contest => ({ order, p: (a, b) => ps[`${a}>${b}`]! });

test('the best is better than every other row, not only than the next', (t) => {
  const clear = contest([2, 0, 1], { '2>0': 0.001, '2>1': 0.001, '0>1': 0.4 });
  t.deepEqual(leadersOf([clear], 0.05), [{ best: 2, second: null }]);
  const close = contest([2, 0, 1], { '2>0': 0.3, '2>1': 0.001, '0>1': 0.001 });
  t.deepEqual(leadersOf([close], 0.05), [{ best: null, second: null }]);
});

test('a second is better than every row behind it', (t) => {
  const ranked = contest([1, 0, 2], { '1>0': 0.001, '1>2': 0.001, '0>2': 0.002 });
  t.deepEqual(leadersOf([ranked], 0.05), [{ best: 1, second: 0 }]);
});

test('of two rows there is no second, of one no best', (t) => {
  t.deepEqual(leadersOf([contest([1, 0], { '1>0': 0.001 })], 0.05), [{ best: 1, second: null }]);
  t.deepEqual(leadersOf([contest([0], {}), contest([], {})], 0.05), [
    { best: null, second: null },
    { best: null, second: null },
  ]);
});

test('over columns, p is corrected by Holm', (t) => {
  const column = (p: number) => contest([0, 1], { '0>1': p });
  t.is(leadersOf([column(0.02)], 0.05)[0]!.best, 0);
  // 0.01 x 3 and 0.02 x 2 stay below, 0.06 does not.
  t.deepEqual(
    leadersOf([column(0.02), column(0.06), column(0.01)], 0.05).map(({ best }) => best),
    [0, null, 0],
  );
  // 0.02 x 3 does not.
  t.deepEqual(
    leadersOf([column(0.02), column(0.06), column(0.9)], 0.05).map(({ best }) => best),
    [null, null, null],
  );
});
