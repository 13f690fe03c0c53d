import test from 'ava';
import { logNormalInterval, normalQuantile, twoSidedP, wilsonInterval } from '../../src/metrics/intervals.js';

test('the normal quantile agrees with tables', (t) => {
  // python3: statistics.NormalDist().inv_cdf((1 + confidence) / 2)
  for (const [confidence, z] of [
    [0.5, 0.6744897501960817],
    [0.9, 1.6448536269514715],
    [0.95, 1.9599639845400536],
    [0.99, 2.5758293035489],
    [0.999999, 4.891638475671084],
  ] as const)
    t.true(Math.abs(normalQuantile(confidence) - z) < 1e-9, `${confidence}`);
});

test('the two-sided p of a normal deviate is the inverse of its quantile', (t) => {
  for (const confidence of [0, 0.5, 0.95, 0.999999])
    t.true(Math.abs(twoSidedP(-normalQuantile(confidence)) - (1 - confidence)) < 1e-12, `${confidence}`);
  t.is(twoSidedP(40), 0);
});

test('Wilson: 8 of 10 at 95 % is [0.490, 0.943]', (t) => {
  const [low, high] = wilsonInterval(0.8, 10, normalQuantile(0.95));
  t.is(low.toFixed(3), '0.490');
  t.is(high.toFixed(3), '0.943');
});

test('Wilson stays in [0, 1] and is never empty, even when all documents are right', (t) => {
  const [low, high] = wilsonInterval(1, 12, 1.96);
  t.is(high, 1);
  t.true(low < 1 && low > 0.7);
  t.is(wilsonInterval(0, 12, 1.96)[0], 0);
});

test('a log-normal interval is positive and holds the perplexity at its geometric middle', (t) => {
  const [low, high] = logNormalInterval(20, 15, 1.96);
  t.true(low > 0);
  t.true(Math.abs(Math.sqrt(low * high) - 20) < 1e-9);
});
