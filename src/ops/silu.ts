// SiLU, also called swish: x sigmoid(x).
import * as tf from '#tfjs';
import { elementwise } from '../kernels/webgpu/elementwise.js';
import { defineOp, registerFusedKernel } from './op.js';

/** x of any shape -> the same shape. */
export function silu(x: tf.Tensor): tf.Tensor {
  return siluOp({ x }, null);
}

const siluOp = defineOp<{ x: tf.Tensor }, null, tf.Tensor>({
  name: 'Silu',
  reference: ({ x }) => tf.mul(x, tf.sigmoid(x)),
});

registerFusedKernel(siluOp, 'webgpu', {
  forward: ({ x }) => elementwise('silu', [x])[0]!,
  gradient: ({ x }, _, dy) => ({ x: elementwise('siluGradient', [x, dy])[0]! }),
});
