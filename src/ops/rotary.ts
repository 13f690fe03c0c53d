// Rotary position embedding (Su et al. 2021), with half-split pairing as in GPT-NeoX and Llama, or of neighbours as in the paper:
//   [x1, x2] -> [x1 cos - x2 sin, x2 cos + x1 sin], angle = position * theta^(-2i/D).
// The angles are computed on the host in f64: WGSL's cos is off by 2e-4 at 200 rad and 6e-3 at 65k.
import * as tf from '#tfjs';
import { constant } from './constants.js';

/** x [B, N, T, D] whose first token stands at `position` -> the same shape, rotated. */
export function rotate(x: tf.Tensor4D, theta: number, position: number): tf.Tensor4D {
  const [, , length, dim] = x.shape;
  const { cos, sin } = rotaryTables(theta, dim, position, length, Infinity);
  return rotatePairs(x, cos, sin);
}

/**
 * x [B, N, T, D] whose first token stands at `position` -> the same shape, its neighbouring channels rotated. Positions are
 * counted modulo `period`.
 */
export function rotateNeighbours(x: tf.Tensor4D, theta: number, position: number, period: number): tf.Tensor4D {
  const [batch, heads, length, dim] = x.shape;
  const { cos, sin } = rotaryTables(theta, dim, position % period, length, period);
  const pairs = tf.reshape(x, [batch * heads, length, dim / 2, 2]) as tf.Tensor4D;
  return tf.reshape(rotatePairs(pairs, tf.expandDims(cos, 2), tf.expandDims(sin, 2)), x.shape);
}

/** Rotates the first half of the last dimension against the second. */
function rotatePairs(x: tf.Tensor4D, cos: tf.Tensor, sin: tf.Tensor): tf.Tensor4D {
  const [x1, x2] = tf.split(x, 2, 3) as [tf.Tensor4D, tf.Tensor4D];
  return tf.concat([tf.sub(tf.mul(x1, cos), tf.mul(x2, sin)), tf.add(tf.mul(x2, cos), tf.mul(x1, sin))], 3);
}

/** cos and sin [length, dim/2] of the positions from `position` on, cut from tables that double as sequences grow. */
function rotaryTables(theta: number, dim: number, position: number, length: number, period: number) {
  const capacity = Math.max(256, 2 ** Math.ceil(Math.log2(position + length)));
  const table = (name: string, f: (angle: number) => number) => {
    const full = constant(`rotary/${name}/${theta}/${dim}/${period}/${capacity}`, () =>
      tf.tensor2d(rotaryTable(theta, dim, capacity, period, f), [capacity, dim / 2]),
    );
    return tf.slice(full, [position, 0], [length, dim / 2]);
  };
  return { cos: table('cos', Math.cos), sin: table('sin', Math.sin) };
}

function rotaryTable(
  theta: number,
  dim: number,
  positions: number,
  period: number,
  f: (angle: number) => number,
): Float32Array {
  const half = dim / 2;
  const table = new Float32Array(positions * half);
  for (let i = 0; i < half; i++) {
    const frequency = theta ** ((-2 * i) / dim);
    for (let position = 0; position < positions; position++)
      table[position * half + i] = f((position % period) * frequency);
  }
  return table;
}
