import test from 'ava';
import { holm } from '../../src/metrics/holm.js';
import { exactMcNemar, mcNemarOfDocuments } from '../../src/metrics/mcnemar.js';
import { pairedBootstrap, pairedDifference } from '../../src/metrics/paired.js';
import type { RatioPart } from '../../src/metrics/ratio.js';
import { smallestDetectableEffect } from '../../src/metrics/detectable-effect.js';

const close = (a: number, b: number, tolerance = 1e-12) => Math.abs(a - b) <= tolerance;
const shares = (...values: number[]): RatioPart[] => values.map((value) => [value, 1]);

test('a paired difference of accuracies has the standard error of the differences', (t) => {
  const { difference, stderr } = pairedDifference(shares(1, 1, 0, 0), shares(1, 0, 0, 0));
  t.is(difference, -0.25);
  t.true(close(stderr, 0.25), 'the differences 0, -1, 0, 0 have the deviation 1/2');
});

test('a constant difference in nats a word has no error, however long the pages', (t) => {
  const first: RatioPart[] = [
    [700, 200],
    [420, 100],
    [800, 260],
  ];
  const second = first.map(([loss, words]): RatioPart => [loss + 0.01 * words, words]);
  const { difference, stderr } = pairedDifference(first, second);
  t.true(close(difference, 0.01));
  t.true(close(stderr, 0));
  const { interval, p } = pairedBootstrap(first, second, { iterations: 99, confidence: 0.95, seed: 1 });
  t.true(interval.every((bound) => close(bound, 0.01)));
  t.is(p, 1 / 4, 'three differences of one sign');
});

test('the bootstrap of a mean agrees with its standard error', (t) => {
  const first = shares(...Array.from({ length: 200 }, (_, k) => (k % 3 === 0 ? 1 : 0)));
  const second = shares(...Array.from({ length: 200 }, (_, k) => (k % 4 === 0 ? 1 : 0)));
  const { difference, stderr } = pairedDifference(first, second);
  const { interval, p } = pairedBootstrap(first, second, { iterations: 2000, confidence: 0.95, seed: 1 });
  t.true(close(interval[0], difference - 1.96 * stderr, 0.1 * stderr + 0.005));
  t.true(close(interval[1], difference + 1.96 * stderr, 0.1 * stderr + 0.005));
  t.true(p > 0.02 && p < 0.2);
});

test('equal models have p = 1', (t) => {
  const { interval, p } = pairedBootstrap(shares(1, 0), shares(1, 0), { iterations: 50, confidence: 0.95, seed: 1 });
  t.deepEqual(interval, [0, 0]);
  t.is(p, 1);
});

test('where no replicate is on the other side, p is that of the replicates', (t) => {
  const twenty = Array.from({ length: 20 }, () => 0);
  const [first, second] = [shares(...twenty), shares(...twenty.map(() => 1))];
  t.is(pairedBootstrap(first, second, { iterations: 99, confidence: 0.95, seed: 1 }).p, (2 * 1) / (1 + 99));
});

test('McNemar counts the documents that only one of both got right', (t) => {
  t.true(close(mcNemarOfDocuments([0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 1, 1, 1, 1, 0]), 2 / 64));
});

test('documents of different numbers cannot be paired', (t) => {
  t.throws(() => pairedDifference(shares(1), shares(1, 0)), { instanceOf: RangeError });
  t.throws(() => pairedDifference([], []), { instanceOf: RangeError });
});

test('McNemar: p is that of fair coins, by hand', (t) => {
  t.is(exactMcNemar(0, 0), 1);
  t.is(exactMcNemar(4, 4), 1);
  t.true(close(exactMcNemar(0, 6), 2 / 64));
  t.true(close(exactMcNemar(1, 9), (2 * (1 + 10)) / 1024));
  t.is(exactMcNemar(9, 1), exactMcNemar(1, 9));
  t.true(close(exactMcNemar(2, 8), (2 * (1 + 10 + 45)) / 1024));
});

test('McNemar: thousands of coins do not underflow', (t) => {
  // Normal approximation with continuity correction: z = (100 - 1) / sqrt(4100) = 1.5461, p = 0.12208.
  t.true(close(exactMcNemar(2000, 2100), 0.12208, 2e-4));
});

test("Holm's correction, by hand", (t) => {
  const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
  for (const [k, expected] of [0.03, 0.06, 0.06, 0.02].entries()) t.true(close(adjusted[k]!, expected));
  t.deepEqual(holm([0.9, 0.8]), [1, 1]);
  t.deepEqual(holm([]), []);
});

test('the smallest detectable effect at power 0.8 and level 0.05 is 2.8016 standard errors', (t) => {
  t.true(close(smallestDetectableEffect(0.01, 0.95, 0.8), 0.01 * (1.959963984540054 + 0.8416212335729143), 1e-12));
});
