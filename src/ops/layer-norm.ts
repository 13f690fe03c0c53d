// LayerNorm (Ba et al. 2016): y = (x - mean) / sqrt(variance + eps) * w + b, over the last dimension.
import * as tf from '#tfjs';
import { rowNormGradient } from '../kernels/webgpu/row-norm-gradients.js';
import { rowNorm } from '../kernels/webgpu/row-norms.js';
import { defineOp, registerFusedKernel } from './op.js';

/** x [..., D], weight and bias broadcastable to it -> [..., D] */
export function layerNorm<R extends tf.Rank>(
  x: tf.Tensor<R>,
  { weight, bias }: { readonly weight: tf.Tensor; readonly bias: tf.Tensor },
  epsilon: number,
): tf.Tensor<R> {
  const inputs = { x, weight, bias };
  const norm = weight.rank === 1 ? layerNormOp : layerNormOp.definition.reference;
  return norm(inputs, { epsilon }) as tf.Tensor<R>;
}

/** weight and bias [D] */
const layerNormOp = defineOp<{ x: tf.Tensor; weight: tf.Tensor; bias: tf.Tensor }, { epsilon: number }, tf.Tensor>({
  name: 'LayerNorm',
  reference: ({ x, weight, bias }, { epsilon }) => tf.add(tf.mul(standardise(x, epsilon).standardised, weight), bias),
});

registerFusedKernel(layerNormOp, 'webgpu', {
  forward: (inputs, { epsilon }) => rowNorm('layer', inputs, epsilon),
  gradient: (inputs, { epsilon }, dy) => ({ ...rowNormGradient('layer', inputs, epsilon, dy) }),
});

/** x [..., D] with mean 0 and variance 1 over the last dimension, and the deviation [..., 1] that it was divided by. */
export function standardise(x: tf.Tensor, epsilon: number): { standardised: tf.Tensor; deviation: tf.Tensor } {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const deviation = tf.sqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
  return { standardised: tf.div(centred, deviation), deviation };
}
