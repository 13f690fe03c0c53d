// Gated RMSNorm over the last dimension: of flash-linear-attention, norm first, RMSNorm(x) * w * silu(gate); and of Mamba2, gate
// first, RMSNorm(x silu(gate)) * w.
import * as tf from '#tfjs';
import { rowNormGradient } from '../kernels/webgpu/row-norm-gradients.js';
import { rowNorm } from '../kernels/webgpu/row-norms.js';
import { defineOp, registerFusedKernel } from './op.js';
import { rmsNorm } from './rms-norm.js';
import { silu } from './silu.js';

/** x, gate [..., D], weight [D], or [G, D] where each of the last dimension but one has its own -> x's shape */
type GatedNormInputs = { x: tf.Tensor; gate: tf.Tensor; weight: tf.Tensor };

export const gatedRmsNorm = defineOp<GatedNormInputs, { epsilon: number }, tf.Tensor>({
  name: 'GatedRmsNorm',
  reference: ({ x, gate, weight }, { epsilon }) => tf.mul(rmsNorm({ x, weight }, { epsilon }), silu(gate)),
});

export const rmsNormOfGated = defineOp<GatedNormInputs, { epsilon: number }, tf.Tensor>({
  name: 'RmsNormOfGated',
  reference: ({ x, gate, weight }, { epsilon }) => rmsNorm({ x: tf.mul(x, silu(gate)), weight }, { epsilon }),
});

registerFusedKernel(gatedRmsNorm, 'webgpu', {
  forward: (inputs, { epsilon }) => rowNorm('gated-after', inputs, epsilon),
  gradient: (inputs, { epsilon }, dy) => ({ ...rowNormGradient('gated-after', inputs, epsilon, dy) }),
});
registerFusedKernel(rmsNormOfGated, 'webgpu', {
  forward: (inputs, { epsilon }) => rowNorm('gated-before', inputs, epsilon),
  gradient: (inputs, { epsilon }, dy) => ({ ...rowNormGradient('gated-before', inputs, epsilon, dy) }),
});
