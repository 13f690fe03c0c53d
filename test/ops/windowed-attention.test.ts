import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { keysPerQuery, windowedAttention } from '../../src/ops/windowed-attention.js';
import type { WindowedAttentionAttributes } from '../../src/ops/windowed-attention.js';

interface Shape {
  batch: number;
  heads: number;
  kvHeads: number;
  length: number;
  keys: number;
  dim: number;
}

/** The formula, in f64, one weight at a time. */
function byDefinition(
  q: number[][][][],
  k: number[][][][],
  v: number[][][][],
  shape: Shape,
  attributes: WindowedAttentionAttributes,
): number[] {
  const { window, slopes, activation } = attributes;
  const out: number[] = [];
  for (let b = 0; b < shape.batch; b++)
    for (let h = 0; h < shape.heads; h++) {
      const kv = Math.floor((h * shape.kvHeads) / shape.heads);
      for (let t = 0; t < shape.length; t++) {
        const position = shape.keys - shape.length + t;
        const first = Math.max(0, position - (window ?? Infinity) + 1);
        const reach = Array.from({ length: position - first + 1 }, (_, i) => first + i);
        const logits = reach.map((s) => {
          const dot = q[b]![h]![t]!.reduce((sum, value, d) => sum + value * k[b]![kv]![s]![d]!, 0);
          return dot / Math.sqrt(shape.dim) + (slopes?.[h] ?? 0) * (position - s);
        });
        const largest = Math.max(...logits);
        const total = logits.reduce((sum, z) => sum + Math.exp(z - largest), 0);
        const weights = logits.map((z) =>
          activation === 'sigmoid' ? 1 / (1 + Math.exp(-z)) : Math.exp(z - largest) / total,
        );
        for (let d = 0; d < shape.dim; d++)
          out.push(reach.reduce((sum, s, i) => sum + weights[i]! * v[b]![kv]![s]![d]!, 0));
      }
    }
  return out;
}

/** [B, N, T, D] <-> [B, T, N, D] */
function swapped(x: tf.Tensor4D): tf.Tensor4D {
  return tf.transpose(x, [0, 2, 1, 3]);
}

const SHAPES: [string, Shape, number | null][] = [
  ['one token', { batch: 1, heads: 2, kvHeads: 2, length: 1, keys: 1, dim: 4 }, 8],
  ['shorter than the window', { batch: 2, heads: 2, kvHeads: 1, length: 20, keys: 20, dim: 4 }, 32],
  ['several blocks', { batch: 2, heads: 4, kvHeads: 2, length: 75, keys: 75, dim: 4 }, 20],
  ['a window of one', { batch: 1, heads: 2, kvHeads: 2, length: 50, keys: 50, dim: 4 }, 1],
  ['a window that is no power of two', { batch: 1, heads: 2, kvHeads: 2, length: 200, keys: 200, dim: 4 }, 37],
  ['keys from before', { batch: 2, heads: 2, kvHeads: 1, length: 70, keys: 85, dim: 4 }, 16],
  ['more keys from before than the window', { batch: 1, heads: 2, kvHeads: 2, length: 70, keys: 140, dim: 4 }, 16],
  ['one query and a full window', { batch: 3, heads: 2, kvHeads: 2, length: 1, keys: 16, dim: 4 }, 16],
  ['full attention in pieces', { batch: 1, heads: 1, kvHeads: 1, length: 600, keys: 610, dim: 2 }, null],
];

for (const [name, shape, window] of SHAPES)
  for (const activation of ['sigmoid', 'softmax'] as const)
    for (const slopes of [null, [0.5, -0.25, 0.125, -0.03125].slice(0, shape.heads)])
      test.serial(
        `${activation} over ${name}, ${slopes === null ? 'without' : 'with'} slopes, is the formula`,
        async (t) => {
          await startEngine('wasm');
          const q = tf.randomNormal<tf.Rank.R4>(
            [shape.batch, shape.heads, shape.length, shape.dim],
            0,
            1,
            'float32',
            1,
          );
          const k = tf.randomNormal<tf.Rank.R4>(
            [shape.batch, shape.kvHeads, shape.keys, shape.dim],
            0,
            1,
            'float32',
            2,
          );
          const v = tf.randomNormal<tf.Rank.R4>(
            [shape.batch, shape.kvHeads, shape.keys, shape.dim],
            0,
            1,
            'float32',
            3,
          );
          const attributes = { window, slopes, activation };
          const o = windowedAttention({ q: swapped(q), k: swapped(k), v: swapped(v) }, attributes);
          const found = await swapped(o).data();
          const wanted = byDefinition(await q.array(), await k.array(), await v.array(), shape, attributes);
          t.is(found.length, wanted.length);
          const scale = Math.max(1, ...wanted.map(Math.abs));
          t.true(wanted.every((value, i) => Math.abs(value - found[i]!) < 1e-5 * scale));
        },
      );

test('a query is multiplied with at most two and a half windows of keys, however long the sequence', (t) => {
  for (const window of [16, 48, 128, 256, 1024])
    for (const length of [2 * window, 64 * window]) t.true(keysPerQuery(window, length) <= 2.5 * window);
});

test.serial('the weights of a zero query sum to what the slopes alone give', async (t) => {
  await startEngine('wasm');
  const window = 256;
  const zeros = tf.zeros<tf.Rank.R4>([1, 256, 2, 2]);
  const ones = tf.ones<tf.Rank.R4>([1, 256, 2, 2]);
  const slope = 2 ** -0.5;
  const sums = await windowedAttention(
    { q: zeros, k: zeros, v: ones },
    { window, slopes: [-slope, slope], activation: 'sigmoid' },
  ).array();
  // Row sums of a full window for k = 1 of 16 heads.
  t.is(sums[0]![255]![0]![0]!.toFixed(3), '1.245');
  t.is(sums[0]![255]![1]![0]!.toFixed(3), '254.755');
});
