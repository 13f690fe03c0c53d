// SwiGLU (Shazeer 2020): silu(gate) * up.
import * as tf from '#tfjs';
import { elementwise } from '../kernels/webgpu/elementwise.js';
import { defineOp, registerFusedKernel } from './op.js';
import { silu } from './silu.js';

/** gate, up [..., I] -> [..., I] */
export const swiGlu = defineOp<{ gate: tf.Tensor; up: tf.Tensor }, null, tf.Tensor>({
  name: 'SwiGlu',
  reference: ({ gate, up }) => tf.mul(silu(gate), up),
});

registerFusedKernel(swiGlu, 'webgpu', {
  forward: ({ gate, up }) => elementwise('swiGlu', gate, up)[0]!,
  gradient: ({ gate, up }, _, dy) => {
    const [dGate, dUp] = elementwise('swiGluGradient', gate, up, dy) as [tf.Tensor, tf.Tensor];
    return { gate: dGate, up: dUp };
  },
});
