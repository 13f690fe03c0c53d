// SwiGLU (Shazeer 2020): silu(gate) * up, silu(x) = x sigmoid(x).
import * as tf from '#tfjs';
import { defineOp } from './op.js';

/** gate, up [..., I] -> [..., I] */
export const swiGlu = defineOp<{ gate: tf.Tensor; up: tf.Tensor }, null, tf.Tensor>({
  name: 'SwiGlu',
  reference: ({ gate, up }) => tf.mul(tf.mul(gate, tf.sigmoid(gate)), up),
});
