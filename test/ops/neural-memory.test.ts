import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { neuralMemory, type NeuralMemoryState } from '../../src/ops/neural-memory.js';
import { largestDifference } from '../models/golden-models.js';

/** One head: q, k, v [T][D], gates [T], M and S [D][D]. */
interface Head {
  q: number[][];
  k: number[][];
  v: number[][];
  alpha: number[];
  eta: number[];
  theta: number[];
  memory: number[][];
  momentum: number[][];
}

/** Equations 11 to 16, one token at a time, in f64: the outputs, and both matrices after the last token. */
function recurrence(head: Head, chunk: number): { o: number[][]; memory: number[][]; momentum: number[][] } {
  const dim = head.memory.length;
  const indices = Array.from({ length: dim }, (_, i) => i);
  const times = (row: number[], matrix: number[][]) =>
    indices.map((j) => indices.reduce((sum, i) => sum + row[i]! * matrix[i]![j]!, 0));
  let { memory, momentum } = head;
  let chunkStart = memory;
  const o = head.q.map((q, t) => {
    if (t % chunk === 0) chunkStart = memory;
    const [k, v] = [head.k[t]!, head.v[t]!];
    const surprise = times(k, chunkStart).map((value, j) => value - v[j]!);
    momentum = momentum.map((row, i) =>
      row.map((value, j) => head.eta[t]! * value - head.theta[t]! * 2 * k[i]! * surprise[j]!),
    );
    memory = memory.map((row, i) => row.map((value, j) => (1 - head.alpha[t]!) * value + momentum[i]![j]!));
    return times(q, memory);
  });
  return { o, memory, momentum };
}

function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
}

/** Two rows of two heads. The gates reach from almost 0 to almost 1. */
function randomHeads(length: number, dim: number): Head[] {
  const next = randomNumbers(length + dim);
  const vector = (size: number) => Array.from({ length: size }, () => Math.fround(2 * next() - 1));
  const vectors = (count: number) => Array.from({ length: count }, () => vector(dim));
  const gate = () => Array.from({ length }, () => 1 / (1 + Math.exp(-12 * (next() - 0.5))));
  return Array.from({ length: 4 }, () => ({
    q: vectors(length),
    k: vectors(length).map((k) => k.map((value) => value / Math.hypot(...k))),
    v: vectors(length),
    alpha: gate(),
    eta: gate(),
    theta: gate().map((value) => value / 16),
    memory: vectors(dim),
    momentum: vectors(dim),
  }));
}

const onDevice = (heads: Head[], value: (head: Head) => number[] | number[][]) => {
  const each = tf.tensor(heads.map(value) as number[][], undefined, 'float32');
  return tf.reshape<tf.Rank>(each, [2, 2, ...each.shape.slice(1)]);
};

function inputsOf(heads: Head[]) {
  return {
    q: onDevice(heads, ({ q }) => q) as tf.Tensor4D,
    k: onDevice(heads, ({ k }) => k) as tf.Tensor4D,
    v: onDevice(heads, ({ v }) => v) as tf.Tensor4D,
    logKeep: onDevice(heads, ({ alpha }) => alpha.map((value) => Math.log1p(-value))) as tf.Tensor3D,
    logMomentum: onDevice(heads, ({ eta }) => eta.map(Math.log)) as tf.Tensor3D,
    stepSize: onDevice(heads, ({ theta }) => theta) as tf.Tensor3D,
    state: {
      memory: onDevice(heads, ({ memory }) => memory) as tf.Tensor4D,
      momentum: onDevice(heads, ({ momentum }) => momentum) as tf.Tensor4D,
      chunkStart: null,
    } satisfies NeuralMemoryState,
  };
}

for (const backend of ['wasm', 'cpu'] as const)
  for (const chunk of [1, 5, 16])
    test.serial(`chunks of ${chunk} agree with the equations token by token on ${backend}`, async (t) => {
      (await startEngine(backend)).use();
      for (const length of [1, 4, 16, 37]) {
        const heads = randomHeads(length, 6);
        const wanted = heads.map((head) => recurrence(head, chunk));
        const { o, state } = neuralMemory(inputsOf(heads), { chunk, seen: 0 });
        const compare = async (found: tf.Tensor, name: 'o' | 'memory' | 'momentum') => {
          const off = largestDifference(await found.data(), wanted.map((head) => head[name]).flat(2));
          t.true(off < 1e-5, `${name} of ${length} tokens is off by ${off}`);
        };
        await compare(o, 'o');
        await compare(state.memory, 'memory');
        await compare(state.momentum, 'momentum');
        t.is(state.chunkStart === null, length % chunk === 0);
      }
    });

test.serial('a sequence in pieces is the sequence, wherever it is cut', async (t) => {
  (await startEngine('wasm')).use();
  const chunk = 8;
  const { state: start, ...tokens } = inputsOf(randomHeads(30, 6));
  const whole = await neuralMemory({ ...tokens, state: start }, { chunk, seen: 0 }).o.array();
  for (const cuts of [
    [0, 3, 5, 30],
    [0, 8, 9, 30],
    [0, 15, 16, 17, 30],
    [0, 29, 30],
  ]) {
    let state: NeuralMemoryState = start;
    for (let i = 1; i < cuts.length; i++) {
      const [from, to] = [cuts[i - 1]!, cuts[i]!];
      const part = <R extends tf.Rank>(x: tf.Tensor<R>) =>
        tf.slice(x, [0, 0, from, 0].slice(0, x.rank), [-1, -1, to - from, -1].slice(0, x.rank));
      const { q, k, v, logKeep, logMomentum, stepSize } = tokens;
      const next = neuralMemory(
        {
          ...{ q: part(q), k: part(k), v: part(v) },
          ...{ logKeep: part(logKeep), logMomentum: part(logMomentum), stepSize: part(stepSize) },
          state,
        },
        { chunk, seen: from % chunk },
      );
      state = next.state;
      const found = (await next.o.array()).flat(3);
      const wanted = whole.map((row) => row.map((head) => head.slice(from, to))).flat(3);
      t.true(largestDifference(found, wanted) < 1e-5, `tokens ${from} to ${to}`);
    }
  }
});

test.serial('gates that are shut to the last bit give numbers', async (t) => {
  (await startEngine('wasm')).use();
  const inputs = inputsOf(randomHeads(40, 6));
  const shut = tf.fill([2, 2, 40], -60) as tf.Tensor3D;
  const { o } = neuralMemory({ ...inputs, logKeep: shut, logMomentum: shut }, { chunk: 16, seen: 0 });
  t.true((await o.data()).every(Number.isFinite));
});

/** Its derivative by every number of the head, by central differences. */
function differences(head: Head, objective: (head: Head) => number): Record<keyof Head, number[]> {
  const STEP = 1e-5;
  const slope = (values: number[], i: number) => {
    const at = (value: number) => {
      const old = values[i]!;
      values[i] = value;
      const result = objective(head);
      values[i] = old;
      return result;
    };
    return (at(values[i]! + STEP) - at(values[i]! - STEP)) / (2 * STEP);
  };
  const slopes = (values: number[]) => values.map((_, i) => slope(values, i));
  const result: Partial<Record<keyof Head, number[]>> = {};
  for (const [name, values] of Object.entries(head) as [keyof Head, number[] | number[][]][])
    result[name] = values.flatMap((value, i) =>
      Array.isArray(value) ? slopes(value) : [slope(values as number[], i)],
    );
  return result as Record<keyof Head, number[]>;
}

for (const backend of ['wasm', 'cpu'] as const)
  test.serial(`gradients agree with finite differences of the equations on ${backend}`, async (t) => {
    (await startEngine(backend)).use();
    const [length, dim, chunk] = [11, 3, 4];
    const heads = randomHeads(length, dim);
    const next = randomNumbers(5);
    const weights = Array.from({ length: length * dim }, next);
    const matrixWeights = Array.from({ length: dim * dim }, next);
    const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    const wanted = heads.map((head) =>
      differences(head, (changed) => {
        const { o, memory, momentum } = recurrence(changed, chunk);
        return dot(o.flat(), weights) + dot(memory.flat(), matrixWeights) - dot(momentum.flat(), matrixWeights);
      }),
    );

    // By alpha and eta themselves: their logarithms are made on the tape.
    const gates = (value: (head: Head) => number[]) => onDevice(heads, value);
    const { state: start, q, k, v, stepSize } = inputsOf(heads);
    const loss = (...x: tf.Tensor[]) => {
      const [q, k, v, alpha, eta, theta, memory, momentum] = x as [
        ...[tf.Tensor4D, tf.Tensor4D, tf.Tensor4D],
        ...[tf.Tensor3D, tf.Tensor3D, tf.Tensor3D],
        ...[tf.Tensor4D, tf.Tensor4D],
      ];
      const logs = { logKeep: tf.log(tf.sub(1, alpha)) as tf.Tensor3D, logMomentum: tf.log(eta) };
      const { o, state } = neuralMemory(
        { q, k, v, ...logs, stepSize: theta, state: { memory, momentum, chunkStart: null } },
        { chunk, seen: 0 },
      );
      const onMatrix = tf.reshape(tf.tensor1d(matrixWeights), [dim, dim]);
      return tf.addN([
        tf.sum(tf.mul(o, tf.reshape(tf.tensor1d(weights), [length, dim]))),
        tf.sum(tf.mul(tf.sub(state.memory, state.momentum), onMatrix)),
      ]) as tf.Scalar;
    };
    const variables = [q, k, v, gates(({ alpha }) => alpha), gates(({ eta }) => eta), stepSize];
    const found = tf.grads(loss)([...variables, start.memory, start.momentum]);
    const names = ['q', 'k', 'v', 'alpha', 'eta', 'theta', 'memory', 'momentum'] as const;
    for (const [i, name] of names.entries()) {
      const expected = wanted.flatMap((head) => head[name]);
      const off = largestDifference(await found[i]!.data(), expected);
      const scale = Math.max(...expected.map(Math.abs));
      t.true(off < 1e-4 * scale, `${name} is off by ${off} of ${scale}`);
    }
  });
