// SwiGLU (Shazeer 2020): silu(gate) * up.
import * as tf from '#tfjs';
import { defineOp } from './op.js';
import { silu } from './silu.js';

/** gate, up [..., I] -> [..., I] */
export const swiGlu = defineOp<{ gate: tf.Tensor; up: tf.Tensor }, null, tf.Tensor>({
  name: 'SwiGlu',
  reference: ({ gate, up }) => tf.mul(silu(gate), up),
});
