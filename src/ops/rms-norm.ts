// RMSNorm (Zhang & Sennrich 2019): y = x / sqrt(mean(x^2) + eps) * w, over the last dimension, in f32.
import * as tf from '#tfjs';
import { rowNormGradient } from '../kernels/webgpu/row-norm-gradients.js';
import { rowNorm } from '../kernels/webgpu/row-norms.js';
import { defineOp, registerFusedKernel } from './op.js';

export interface RmsNormAttributes {
  readonly epsilon: number;
  /** On webgpu the result is held in f16: where only products read it, or, without a gradient, whatever follows from it. */
  readonly packed?: boolean;
}

/** x [..., H], weight [H], or [G, H] where each of the last dimension but one has its own -> x's shape */
export const rmsNorm = defineOp<{ x: tf.Tensor; weight: tf.Tensor }, RmsNormAttributes, tf.Tensor>({
  name: 'RmsNorm',
  reference: ({ x, weight }, { epsilon }) => {
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon));
    return tf.mul(tf.mul(x, scale), weight);
  },
});

registerFusedKernel(rmsNorm, 'webgpu', {
  forward: (inputs, { epsilon, packed }) => rowNorm('rms', inputs, epsilon, packed),
  gradient: (inputs, { epsilon }, dy) => ({ ...rowNormGradient('rms', inputs, epsilon, dy) }),
});
