import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { unitLowerInverse } from '../../src/ops/unit-lower-inverse.js';
import { relativeDifference } from './differences.js';

/** beta (k.k) below the diagonal for keys of length one, as the delta rule has it; `likeness` 0 for random keys, large for equal ones. */
function keyProducts(size: number, dim: number, likeness: number, beta: number): Float32Array {
  const keys = tf.tidy(() => {
    const random = tf.add(tf.randomNormal([size, dim], 0, 1, 'float32', 3), likeness);
    return tf.div(random, tf.norm(random, 2, -1, true)).arraySync() as number[][];
  });
  return Float32Array.from({ length: size * size }, (_, i) => {
    const [row, column] = [Math.floor(i / size), i % size];
    return column < row ? beta * keys[row]!.reduce((sum, x, c) => sum + x * keys[column]![c]!, 0) : 0;
  });
}

/** Forward substitution in f64. */
function inverseOf(lower: ArrayLike<number>, size: number): Float64Array {
  const inverse = new Float64Array(size * size);
  for (let column = 0; column < size; column++) {
    inverse[column * size + column] = 1;
    for (let row = column + 1; row < size; row++)
      for (let k = column; k < row; k++)
        inverse[row * size + column]! -= lower[row * size + k]! * inverse[k * size + column]!;
  }
  return inverse;
}

const KEYS = [
  ['random keys', 16, 0, 1],
  ['similar keys', 64, 2, 0.95],
  ['equal keys', 64, 1e6, 1],
  ['equal keys and a rate of 2', 64, 1e6, 2],
  ['more keys than dimensions and a rate of 2', 4, 0, 2],
] as const;

for (const size of [1, 2, 7, 48, 64])
  for (const [what, dim, likeness, beta] of KEYS)
    test.serial(`the inverse of a system of ${size} is forward substitution's: ${what}`, async (t) => {
      (await startEngine('wasm')).use();
      const lower = keyProducts(size, dim, likeness, beta);
      const found = await unitLowerInverse({ lower: tf.tensor3d(lower, [1, size, size]) }, null).data();
      const off = relativeDifference(found, inverseOf(lower, size));
      t.true(off < 2e-5, String(off));
    });

test.serial('the diagonal and what is above it are not read', async (t) => {
  (await startEngine('wasm')).use();
  const lower = tf.tensor3d([9, 8, 2, 7], [1, 2, 2]);
  t.deepEqual([...(await unitLowerInverse({ lower }, null).data())], [1, 0, -2, 1]);
});

test.serial('the gradient is that of finite differences', async (t) => {
  (await startEngine('wasm')).use();
  const size = 7;
  const lower = keyProducts(size, 4, 0, 1);
  const upstream = tf.randomNormal<tf.Rank.R3>([1, size, size], 0, 1, 'float32', 5);
  const inverse = (x: tf.Tensor) => unitLowerInverse({ lower: x }, null);
  const found = await tf
    .grad(inverse)(tf.tensor3d(lower, [1, size, size]), upstream)
    .data();
  const weights = await upstream.data();
  const value = (at: number, change: number) => {
    const moved = Float64Array.from(lower);
    moved[at]! += change;
    return inverseOf(moved, size).reduce((sum, x, i) => sum + x * weights[i]!, 0);
  };
  for (let at = 0; at < size * size; at++) {
    const below = at % size < Math.floor(at / size);
    const wanted = below ? (value(at, 1e-5) - value(at, -1e-5)) / 2e-5 : 0;
    t.true(Math.abs(found[at]! - wanted) < 1e-4, `entry ${at}: ${found[at]}, expected ${wanted}`);
  }
});
