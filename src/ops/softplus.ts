// softplus(x) = log(1 + e^x) = max(x, 0) + log1p(e^-|x|), and log sigmoid(x) = -softplus(-x), right to f32 over the whole
// range: tfjs's own are 9e-3 off (relative) at -12 on webgpu, where Mamba's step sizes lie.
import * as tf from '#tfjs';
import { biasedSoftplus as biasedSoftplusKernel, biasedSoftplusGradient } from '../kernels/webgpu/biased-softplus.js';
import { elementwise } from '../kernels/webgpu/elementwise.js';
import { defineOp, registerFusedKernel } from './op.js';

/** x of any shape -> the same shape. */
export function softplus(x: tf.Tensor): tf.Tensor {
  return softplusOp({ x }, null);
}

/** softplus(x + bias): x [..., C], bias [C] -> [..., C] */
export function biasedSoftplus<R extends tf.Rank>(x: tf.Tensor<R>, bias: tf.Tensor): tf.Tensor<R> {
  return biasedSoftplusOp({ x, bias }, null) as tf.Tensor<R>;
}

/** x of any shape -> the same shape. */
export function logSigmoid(x: tf.Tensor): tf.Tensor {
  return logSigmoidOp({ x }, null);
}

const softplusOp = defineOp<{ x: tf.Tensor }, null, tf.Tensor>({
  name: 'Softplus',
  reference: ({ x }) => tf.add(tf.relu(x), log1pOfUnit(tf.exp(tf.neg(tf.abs(x))))),
  gradient: ({ x }, _, dOutput) => ({ x: tf.mul(dOutput, tf.sigmoid(x)) }),
});

const logSigmoidOp = defineOp<{ x: tf.Tensor }, null, tf.Tensor>({
  name: 'LogSigmoid',
  reference: ({ x }) => tf.neg(softplus(tf.neg(x))),
});

const biasedSoftplusOp = defineOp<{ x: tf.Tensor; bias: tf.Tensor }, null, tf.Tensor>({
  name: 'BiasedSoftplus',
  reference: ({ x, bias }) => softplus(tf.add(x, bias)),
});

registerFusedKernel(softplusOp, 'webgpu', {
  forward: ({ x }) => elementwise('softplus', [x])[0]!,
  gradient: ({ x }, _, dy) => ({ x: elementwise('softplusGradient', [x, dy])[0]! }),
});
registerFusedKernel(logSigmoidOp, 'webgpu', {
  forward: ({ x }) => elementwise('logSigmoid', [x])[0]!,
  gradient: ({ x }, _, dy) => ({ x: elementwise('logSigmoidGradient', [x, dy])[0]! }),
});
registerFusedKernel(biasedSoftplusOp, 'webgpu', {
  forward: ({ x, bias }) => biasedSoftplusKernel(x, bias),
  gradient: ({ x, bias }, _, dy) => biasedSoftplusGradient(x, bias, dy),
});

/** Terms of the series below; the first left out is 1.4e-8 of the sum at y = 1. */
const TERMS = 7;

/** log(1 + y) for y in [0, 1]: 2 atanh(s) = 2 s (1 + s^2/3 + s^4/5 + ...) with s = y / (2 + y) <= 1/3. */
function log1pOfUnit(y: tf.Tensor): tf.Tensor {
  const s = tf.div(y, tf.add(y, 2));
  const square = tf.square(s);
  let series: tf.Tensor = tf.scalar(1 / (2 * TERMS + 1));
  for (let k = TERMS - 1; k >= 0; k--) series = tf.add(tf.mul(series, square), 1 / (2 * k + 1));
  return tf.mul(tf.mul(s, 2), series);
}
