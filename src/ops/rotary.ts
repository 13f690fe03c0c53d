// Rotary position embedding (Su et al. 2021), half-split pairing as in GPT-NeoX and Llama:
//   [x1, x2] -> [x1 cos - x2 sin, x2 cos + x1 sin], angle = position * theta^(-2i/D).
// The angles are computed on the host in f64: WGSL's cos is off by 2e-4 at 200 rad and 6e-3 at 65k.
import * as tf from '#tfjs';
import { constant } from './constants.js';

/** x [B, N, T, D] whose first token stands at `position` -> the same shape, rotated. */
export function rotate(x: tf.Tensor4D, theta: number, position: number): tf.Tensor4D {
  const [, , length, dim] = x.shape;
  const { cos, sin } = rotaryTables(theta, dim, position, length);
  const [x1, x2] = tf.split(x, 2, 3) as [tf.Tensor4D, tf.Tensor4D];
  return tf.concat([tf.sub(tf.mul(x1, cos), tf.mul(x2, sin)), tf.add(tf.mul(x2, cos), tf.mul(x1, sin))], 3);
}

/** cos and sin [length, dim/2] of the positions from `position` on, cut from tables that double as sequences grow. */
function rotaryTables(theta: number, dim: number, position: number, length: number) {
  const capacity = Math.max(256, 2 ** Math.ceil(Math.log2(position + length)));
  const table = (name: string, f: (angle: number) => number) => {
    const full = constant(`rotary/${name}/${theta}/${dim}/${capacity}`, () =>
      tf.tensor2d(rotaryTable(theta, dim, capacity, f), [capacity, dim / 2]),
    );
    return tf.slice(full, [position, 0], [length, dim / 2]);
  };
  return { cos: table('cos', Math.cos), sin: table('sin', Math.sin) };
}

function rotaryTable(theta: number, dim: number, positions: number, f: (angle: number) => number): Float32Array {
  const half = dim / 2;
  const table = new Float32Array(positions * half);
  for (let i = 0; i < half; i++) {
    const frequency = theta ** ((-2 * i) / dim);
    for (let position = 0; position < positions; position++) table[position * half + i] = f(position * frequency);
  }
  return table;
}
