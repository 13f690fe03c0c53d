// SwiGLU (Shazeer 2020): silu(gate) * up.
import * as tf from '#tfjs';
import { elementwise } from '../kernels/webgpu/elementwise.js';
import { defineOp, registerFusedKernel } from './op.js';
import { silu } from './silu.js';

export interface SwiGluAttributes {
  /** On webgpu the result is held in f16, and so are the gradients of both factors: where only products read them. */
  readonly packed?: boolean;
}

/** gate, up [..., I] -> [..., I] */
export const swiGlu = defineOp<{ gate: tf.Tensor; up: tf.Tensor }, SwiGluAttributes, tf.Tensor>({
  name: 'SwiGlu',
  reference: ({ gate, up }) => tf.mul(silu(gate), up),
});

registerFusedKernel(swiGlu, 'webgpu', {
  forward: ({ gate, up }, { packed = false }) => elementwise('swiGlu', [gate, up], packed)[0]!,
  gradient: ({ gate, up }, { packed = false }, dy) => {
    const [dGate, dUp] = elementwise('swiGluGradient', [gate, up, dy], packed) as [tf.Tensor, tf.Tensor];
    return { gate: dGate, up: dUp };
  },
});
