// Causal depthwise convolution over a few tokens, as in Mamba and flash-linear-attention:
//   y[t, c] = sum over j of weight[c, 0, j] * x[t - (K - 1) + j, c]  (+ bias[c]);  j = K - 1 multiplies the current token.
import * as tf from '#tfjs';
import {
  convolve,
  convolveGradient,
  lastInputs,
  lastInputsGradient,
  type ConvolutionActivation,
} from '../kernels/webgpu/short-convolution.js';
import { defineOp, registerFusedKernel } from './op.js';
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
  { state, ...given }: ShortConvolutionInputs,
  activation: ConvolutionActivation,
): { y: tf.Tensor3D; state: tf.Tensor3D | null } {
  const y = convolution(state === null ? given : { ...given, state }, activation);
  return { y, state: state === null ? null : nextState({ x: given.x, state }, null) };
}

type Inputs = { x: tf.Tensor3D; weight: tf.Tensor; bias?: tf.Tensor; state?: tf.Tensor3D };

const convolution = defineOp<Inputs, ConvolutionActivation, tf.Tensor3D>({
  name: 'ShortConvolution',
  reference: ({ x, weight, bias, state }, activation) => {
    const [batch, length, channels] = x.shape;
    const taps = weight.shape[2]!;
    const padded = tf.concat([state ?? tf.fill([batch, taps - 1, channels], 0), x], 1);
    let y: tf.Tensor | undefined;
    for (let j = 0; j < taps; j++) {
      const tap = tf.reshape(tf.slice(weight, [0, 0, j], [channels, 1, 1]), [channels]);
      const term = tf.mul(tf.slice(padded, [0, j, 0], [-1, length, -1]), tap);
      y = y === undefined ? term : tf.add(y, term);
    }
    const biased = bias === undefined ? y! : tf.add(y!, bias);
    return (activation === 'silu' ? silu(biased) : biased) as tf.Tensor3D;
  },
});

const nextState = defineOp<{ x: tf.Tensor3D; state: tf.Tensor3D }, null, tf.Tensor3D>({
  name: 'ShortConvolutionState',
  reference: ({ x, state }) => tf.slice(tf.concat([state, x], 1), [0, x.shape[1], 0], [-1, state.shape[1], -1]),
});

registerFusedKernel(convolution, 'webgpu', {
  forward: convolve,
  gradient: (inputs, activation, dy) => ({ ...convolveGradient(inputs, activation, dy) }),
});
registerFusedKernel(nextState, 'webgpu', {
  forward: ({ x, state }) => lastInputs(x, state),
  gradient: ({ x }, _, dState) => lastInputsGradient(x, dState),
});
