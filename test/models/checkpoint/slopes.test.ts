import test from 'ava';
import { alibiSlopes, type SlopeVariant } from '../../../src/models/checkpoint/slopes.js';
import { UserError } from '../../../src/user-error.js';

/** The sum of the paper dossier's table: sigmoid(slope * distance) over a window of 256 keys when q.k = 0. */
const rowSum = (slope: number) => {
  let sum = 0;
  for (let distance = 0; distance < 256; distance++) sum += 1 / (1 + Math.exp(-slope * distance));
  return Number(sum.toFixed(3));
};

test('SWAT (-) with 16 heads has -2^(-k/2), whose row sums are the published ones', (t) => {
  const slopes = alibiSlopes(16, 'minus', 'code');
  t.deepEqual(
    slopes,
    Array.from({ length: 16 }, (_, i) => -(2 ** (-(i + 1) / 2))),
  );
  t.deepEqual(
    [1, 2, 4, 8, 16].map((k) => rowSum(slopes[k - 1]!)),
    [1.245, 1.647, 3.028, 11.342, 97.366],
  );
});

test('SWAT (+) mirrors SWAT (-), and its row sums are the published ones', (t) => {
  const slopes = alibiSlopes(16, 'plus', 'code');
  t.deepEqual(
    slopes,
    alibiSlopes(16, 'minus', 'code').map((slope) => -slope),
  );
  t.deepEqual(
    [1, 2, 4, 8, 16].map((k) => rowSum(slopes[k - 1]!)),
    [254.755, 254.353, 252.972, 244.658, 158.634],
  );
});

test('balanced slopes have the positive heads first, steepest at both ends, and sum to nothing', (t) => {
  const slopes = alibiSlopes(16, 'balanced', 'code');
  const magnitudes = Array.from({ length: 8 }, (_, i) => 2 ** (-(i + 1) / 2));
  t.deepEqual(slopes, [...magnitudes, ...magnitudes.map((m) => -m).reverse()]);
  t.deepEqual(
    [1, 2, 4, 8].map((k) => rowSum(slopes[k - 1]!)),
    [254.755, 254.353, 252.972, 244.658],
  );
  t.deepEqual(
    [1, 2, 4, 8].map((k) => rowSum(slopes[16 - k]!)),
    [1.245, 1.647, 3.028, 11.342],
  );
});

test('the two schedules agree for 8 heads and for no other number', (t) => {
  t.deepEqual(alibiSlopes(8, 'balanced', 'paper'), alibiSlopes(8, 'balanced', 'code'));
  t.deepEqual(alibiSlopes(4, 'balanced', 'paper'), [0.5, 0.25, -0.25, -0.5]);
  t.deepEqual(alibiSlopes(4, 'balanced', 'code'), [0.25, 0.0625, -0.0625, -0.25]);
});

test('a:b gives a negative and b positive heads', (t) => {
  const slopes = alibiSlopes(12, '8:4', 'code');
  t.deepEqual(slopes.map(Math.sign), [1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1]);
  t.deepEqual(alibiSlopes(12, '6:6', 'code'), alibiSlopes(12, 'balanced', 'code'));
  t.deepEqual(alibiSlopes(12, '12:0', 'code'), alibiSlopes(12, 'minus', 'code'));
  t.deepEqual(alibiSlopes(12, '0:12', 'code'), alibiSlopes(12, 'plus', 'code'));
});

test('an odd number of heads balances with one negative head more', (t) => {
  t.deepEqual(alibiSlopes(5, 'balanced', 'paper'), [0.5, 0.25, -0.125, -0.25, -0.5]);
});

test('one head has one slope', (t) => {
  t.deepEqual(alibiSlopes(1, 'minus', 'code'), [-(2 ** -8)]);
});

for (const variant of ['both', '8:8', '8', '-1:13'] as SlopeVariant[])
  test(`slopes '${variant}' for 12 heads are a usage error`, (t) => {
    const error = t.throws(() => alibiSlopes(12, variant, 'code'), { instanceOf: UserError });
    t.is(error?.kind, 'usage');
  });
