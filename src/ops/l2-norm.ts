// Vectors of length one, as flash-linear-attention makes them of queries and keys: x / sqrt(sum(x^2) + 1e-6), over the last
// dimension.
import * as tf from '#tfjs';
import { rowNormGradient } from '../kernels/webgpu/row-norm-gradients.js';
import { rowNorm } from '../kernels/webgpu/row-norms.js';
import { defineOp, registerFusedKernel } from './op.js';

const EPSILON = 1e-6;

/** x [..., D] -> [..., D] */
export const l2Norm = defineOp<{ x: tf.Tensor }, null, tf.Tensor>({
  name: 'L2Norm',
  reference: ({ x }) => tf.mul(x, tf.rsqrt(tf.add(tf.sum(tf.square(x), -1, true), EPSILON))),
});

registerFusedKernel(l2Norm, 'webgpu', {
  forward: (inputs) => rowNorm('length', inputs, EPSILON),
  gradient: (inputs, _, dy) => ({ ...rowNormGradient('length', inputs, EPSILON, dy) }),
});
