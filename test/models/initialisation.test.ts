import test from 'ava';
import { initialWeights } from '../../src/models/initialisation.js';
import type { ParameterSpec } from '../../src/models/mixer.js';

const normal = (name: string, shape: number[], std = 1): ParameterSpec => ({
  name,
  shape,
  initialisation: { kind: 'normal', std },
  decay: true,
});

test('the first weights of a stream are these, on every machine', (t) => {
  // Computed by the same definition in Python, with its math.log.
  t.deepEqual(
    initialWeights(normal('model.embeddings.weight', [6], 0.02), 1),
    Float32Array.of(
      ...[-0.006236536893993616, 0.022212501615285873, 0.027767719700932503],
      ...[0.022832956165075302, -0.01682349108159542, 0.018663860857486725],
    ),
  );
});

test('another seed and another name give other weights, the same ones the same', (t) => {
  const draw = (name: string, seed: number) => initialWeights(normal(name, [64]), seed).join();
  t.is(draw('a', 1), draw('a', 1));
  t.is(new Set([draw('a', 1), draw('a', 2), draw('b', 1), draw('b', 2)]).size, 4);
});

test('a longer parameter starts as a shorter one of its name does', (t) => {
  const long = initialWeights(normal('a', [10]), 1);
  t.deepEqual(initialWeights(normal('a', [7]), 1), long.slice(0, 7));
});

test('normal weights have the moments and the tails of a normal distribution', (t) => {
  const n = 400_000;
  const values = initialWeights(normal('a', [n], 0.02), 7).map((value) => value / 0.02);
  const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / n;
  const beyond = (limit: number) => values.filter((value) => Math.abs(value) > limit).length / n;
  t.true(Math.abs(moment(1)) < 5 / Math.sqrt(n));
  t.true(Math.abs(moment(2) - 1) < 5 * Math.sqrt(2 / n));
  t.true(Math.abs(moment(3)) < 5 * Math.sqrt(15 / n));
  t.true(Math.abs(moment(4) - 3) < 5 * Math.sqrt(96 / n));
  t.true(Math.abs(beyond(2) - 0.0455) < 0.002);
  t.true(Math.abs(beyond(4) - 6.33e-5) < 6e-5);
});

test('neighbouring weights do not depend on each other', (t) => {
  const values = initialWeights(normal('a', [400_000]), 3);
  for (const lag of [1, 2, 3]) {
    let sum = 0;
    for (let i = lag; i < values.length; i++) sum += values[i]! * values[i - lag]!;
    t.true(Math.abs(sum / values.length) < 5 / Math.sqrt(values.length));
  }
});

test('norms start at one and biases at zero', (t) => {
  const spec = { name: 'a', shape: [2], decay: false };
  t.deepEqual(initialWeights({ ...spec, initialisation: { kind: 'ones' } }, 1), Float32Array.of(1, 1));
  t.deepEqual(initialWeights({ ...spec, initialisation: { kind: 'zeros' } }, 1), Float32Array.of(0, 0));
});

const uniform = (kind: 'uniform' | 'log-of-uniform' | 'inverse-softplus-of-log-uniform', low: number, high: number) =>
  Array.from(
    initialWeights({ name: 'a', shape: [20_000], initialisation: { kind, low, high }, decay: false }, 1),
    Number,
  );

/** Whether sorted values lie as those of a uniform distribution over (0, 1) do: Kolmogorov's statistic. */
function isUniform(values: readonly number[]): boolean {
  const n = values.length;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.every((value, i) => Math.abs(value - (i + 0.5) / n) < 1.95 / Math.sqrt(n));
}

test('uniform weights lie between their bounds', (t) => {
  t.true(isUniform(uniform('uniform', -0.5, 0.25).map((x) => (x + 0.5) / 0.75)));
});

test('decay rates are uniform, their logarithms stored', (t) => {
  t.true(isUniform(uniform('log-of-uniform', 0, 16).map((x) => Math.exp(x) / 16)));
  t.true(isUniform(uniform('log-of-uniform', 1, 16).map((x) => (Math.exp(x) - 1) / 15)));
});

test('step sizes are log-uniform, their inverse softplus stored', (t) => {
  const steps = uniform('inverse-softplus-of-log-uniform', 0.001, 0.1).map((x) => Math.log1p(Math.exp(x)));
  t.true(isUniform(steps.map((step) => Math.log(step / 0.001) / Math.log(100))));
});
