import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { tttLinear, type TttInputs, type TttMemory } from '../../src/ops/ttt-mini-batch.js';
import { relativeDifference } from './differences.js';

const HEADS = 2;
const DIM = 4;
const MINI_BATCH = 5;

function randomInputs(batch: number, length: number): TttInputs {
  const normal = <R extends tf.Rank>(shape: tf.ShapeMap[R], seed: number) =>
    tf.randomNormal<R>(shape, 0, 1, 'float32', seed);
  const scale = tf.tensor1d(Array.from({ length: MINI_BATCH }, (_, i) => 1 / (i + 1) + 0.03 * i));
  return {
    q: normal([batch, HEADS, length, DIM], 1),
    k: normal([batch, HEADS, length, DIM], 2),
    v: normal([batch, HEADS, length, DIM], 3),
    rate: tf.mul(tf.sigmoid(normal<tf.Rank.R4>([batch, HEADS, length, 1], 4)), 1 / DIM),
    scale,
    norm: { weight: tf.add(normal([HEADS, 1, DIM], 5), 1), bias: normal([HEADS, 1, DIM], 6) },
  };
}

const start = (batch: number): TttMemory => ({
  weights: tf.mul(tf.randomNormal<tf.Rank.R4>([batch, HEADS, DIM + 1, DIM], 0, 1, 'float32', 7), 0.3),
  pending: null,
});

const range = (length: number) => Array.from({ length }, (_, i) => i);
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const mean = (x: readonly number[]) => x.reduce((sum, value) => sum + value, 0) / x.length;

function layerNorm(x: number[], weight: number[], bias: number[]): number[] {
  const centre = mean(x);
  const deviation = Math.sqrt(mean(x.map((value) => (value - centre) ** 2)) + 1e-6);
  return x.map((value, i) => ((value - centre) / deviation) * weight[i]! + bias[i]!);
}

/** Central differences, good to 1e-9 here. */
function gradientOf(f: (x: number[]) => number, x: number[]): number[] {
  const step = 1e-4;
  const moved = (i: number, by: number) => f(x.map((value, j) => (i === j ? value + by : value)));
  return x.map((_, i) => (moved(i, step) - moved(i, -step)) / (2 * step));
}

/** Token by token, each with a model of its own, in f64; the loss's gradient by differences. */
async function byDefinition(inputs: TttInputs, memory: TttMemory): Promise<number[]> {
  const [q, k, v, rate, starts] = await Promise.all(
    [inputs.q, inputs.k, inputs.v, inputs.rate, memory.weights].map((tensor) => tensor.array()),
  );
  const scale = await inputs.scale.array();
  const weight = (await inputs.norm.weight.array()) as number[][][];
  const bias = (await inputs.norm.bias.array()) as number[][][];
  const rows = q!.map((row, b) =>
    row.map((queries, head) => {
      const norm = (x: number[]) => layerNorm(x, weight[head]![0]!, bias[head]![0]!);
      const read = (model: number[][], x: number[]) =>
        range(DIM).map((j) =>
          dot(
            [...x, 1],
            model.map((line) => line[j]!),
          ),
        );
      let first = starts![b]![head]!;
      let sum = first.map((line) => line.map(() => 0));
      return queries.map((query, t) => {
        const place = t % MINI_BATCH;
        const key = k![b]![head]![t]!;
        const target = v![b]![head]![t]!.map((value, j) => value - key[j]!);
        const loss = (z: number[]) => norm(z).reduce((total, y, j) => total + (y - target[j]!) ** 2 / 2, 0);
        const gradient = gradientOf(loss, read(first, key));
        sum = sum.map((line, i) => line.map((s, j) => s + rate![b]![head]![t]![0]! * [...key, 1][i]! * gradient[j]!));
        const model = first.map((line, i) => line.map((w, j) => w - scale[place]! * sum[i]![j]!));
        if (place === MINI_BATCH - 1) {
          first = model;
          sum = sum.map((line) => line.map(() => 0));
        }
        return norm(read(model, query)).map((y, j) => y + query[j]!);
      });
    }),
  );
  return rows.flat(3);
}

for (const length of [1, 4, 5, 6, 23])
  test.serial(
    `${length} tokens in mini-batches of ${MINI_BATCH}: the dual form is a model that learns token by token`,
    async (t) => {
      (await startEngine('wasm')).use();
      const [inputs, memory] = [randomInputs(2, length), start(2)];
      const { y } = tttLinear(inputs, memory, 0);
      t.true(relativeDifference(await y.data(), await byDefinition(inputs, memory)) < 2e-6);
    },
  );

test.serial('a sequence in any two pieces is the whole one', async (t) => {
  (await startEngine('wasm')).use();
  const length = 13;
  const [inputs, memory] = [randomInputs(1, length), start(1)];
  const whole = await tttLinear(inputs, memory, 0).y.data();
  const piece = (from: number, to: number): TttInputs => {
    const cut = (x: tf.Tensor4D) => tf.slice(x, [0, 0, from, 0], [-1, -1, to - from, -1]);
    return { ...inputs, q: cut(inputs.q), k: cut(inputs.k), v: cut(inputs.v), rate: cut(inputs.rate) };
  };
  for (let at = 1; at < length; at++) {
    const first = tttLinear(piece(0, at), memory, 0);
    const second = tttLinear(piece(at, length), first.memory, at % MINI_BATCH);
    t.is(first.memory.pending === null, at % MINI_BATCH === 0);
    t.true(relativeDifference(await tf.concat([first.y, second.y], 2).data(), whole) < 1e-6, `cut at ${at}`);
  }
});

test.serial('what a mini-batch needs is freed when it is over', async (t) => {
  (await startEngine('wasm')).use();
  const [inputs, memory] = [randomInputs(1, 40), start(1)];
  const gradient = tf.grad((q: tf.Tensor) => tttLinear({ ...inputs, q: q as tf.Tensor4D }, memory, 0).y);
  gradient(inputs.q).dispose();
  const before = tf.memory().numTensors;
  gradient(inputs.q).dispose();
  t.is(tf.memory().numTensors, before);
});
