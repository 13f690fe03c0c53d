// Causal depthwise convolution over a few tokens, as in Mamba and flash-linear-attention:
//   y[t, c] = sum over j of weight[c, 0, j] * x[t - (K - 1) + j, c]  (+ bias[c]);  j = K - 1 multiplies the current token.
import * as tf from '#tfjs';
import { silu } from './silu.js';

export interface ShortConvolutionInputs {
  /** [B, T, C] */
  readonly x: tf.Tensor3D;
  /** [C, 1, K] */
  readonly weight: tf.Tensor;
  /** [C] */
  readonly bias?: tf.Tensor;
  /** The K - 1 inputs before x, [B, K - 1, C]; null for none (zeros). */
  readonly state: tf.Tensor3D | null;
}

/** -> y [B, T, C], and the last K - 1 inputs where a state was given. */
export function shortConvolution(
  { x, weight, bias, state }: ShortConvolutionInputs,
  activation: 'silu' | 'none',
): { y: tf.Tensor3D; state: tf.Tensor3D | null } {
  const [, length, channels] = x.shape;
  const taps = weight.shape[2]!;
  const before = taps - 1;
  const padded: tf.Tensor3D =
    state === null
      ? tf.pad(x, [
          [0, 0],
          [before, 0],
          [0, 0],
        ])
      : tf.concat([state, x], 1);
  let y: tf.Tensor | undefined;
  for (let j = 0; j < taps; j++) {
    const tap = tf.reshape(tf.slice(weight, [0, 0, j], [channels, 1, 1]), [channels]);
    const term = tf.mul(tf.slice(padded, [0, j, 0], [-1, length, -1]), tap);
    y = y === undefined ? term : tf.add(y, term);
  }
  const biased = bias === undefined ? y! : tf.add(y!, bias);
  return {
    y: (activation === 'silu' ? silu(biased) : biased) as tf.Tensor3D,
    state: state === null ? null : tf.slice(padded, [0, length, 0], [-1, before, -1]),
  };
}
