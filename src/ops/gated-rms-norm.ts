// Gated RMSNorm of flash-linear-attention, norm first: RMSNorm(x) * w * silu(gate), over the last dimension.
import * as tf from '#tfjs';
import { defineOp } from './op.js';
import { rmsNorm } from './rms-norm.js';
import { silu } from './silu.js';

/** x, gate [..., D], weight [D] -> [..., D] */
export const gatedRmsNorm = defineOp<
  { x: tf.Tensor; gate: tf.Tensor; weight: tf.Tensor },
  { epsilon: number },
  tf.Tensor
>({
  name: 'GatedRmsNorm',
  reference: ({ x, gate, weight }, { epsilon }) => tf.mul(rmsNorm({ x, weight }, { epsilon }), silu(gate)),
});
