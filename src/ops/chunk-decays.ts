// How much of a state is left between two tokens of a chunk, where each token t has a decay exp(g[t]), g[t] <= 0. With G the
// sum of g from the chunk's start. Each exponent is a sum of g over the tokens between, never a difference of two cumulative
// sums: nothing cancels, and no exponent is positive.
import * as tf from '#tfjs';
import { lowerTriangle, strictlyLowerTriangle } from './triangles.js';

export interface ChunkDecays {
  /** exp(G[i] - G[j]) for j <= i, else 0: [R, C, C] */
  readonly within: tf.Tensor3D;
  /** exp(G), [R, C, 1] */
  readonly fromStart: tf.Tensor3D;
  /** exp(G[C] - G), [R, C, 1] */
  readonly toEnd: tf.Tensor3D;
  /** exp(G[C]), [R, 1, 1] */
  readonly whole: tf.Tensor3D;
}

/** g [R, C, 1], a chunk a row. */
export function chunkDecays(g: tf.Tensor3D): ChunkDecays {
  const [rows, size] = g.shape;
  const upTo = tf.mul(tf.reshape(g, [rows, 1, size]), lowerTriangle(size)); // [i, l]: g[l] for l <= i
  const between = tf.matMul(tf.reshape(upTo, [-1, size]) as tf.Tensor2D, strictlyLowerTriangle(size)); // sum over j < l <= i
  const fromStart = tf.exp(tf.sum(upTo, -1, true)) as tf.Tensor3D;
  const within = tf.reshape(tf.exp(between), [rows, size, size]) as tf.Tensor3D;
  return {
    within: tf.mul(within, lowerTriangle(size)),
    fromStart,
    toEnd: tf.reshape(tf.slice(within, [0, size - 1, 0], [-1, 1, -1]), [rows, size, 1]),
    whole: tf.slice(fromStart, [0, size - 1, 0], [-1, 1, -1]),
  };
}
