// GELU in its tanh form (Hendrycks & Gimpel 2016): x / 2 (1 + tanh(z)) with z = sqrt(2 / pi) (x + 0.044715 x^3), which is
// x sigmoid(2 z).
import * as tf from '#tfjs';
import { elementwise } from '../kernels/webgpu/elementwise.js';
import { defineOp, registerFusedKernel } from './op.js';

/** x of any shape -> the same shape. */
export function gelu<R extends tf.Rank>(x: tf.Tensor<R>): tf.Tensor<R> {
  return geluOp({ x }, null) as tf.Tensor<R>;
}

const geluOp = defineOp<{ x: tf.Tensor }, null, tf.Tensor>({
  name: 'Gelu',
  reference: ({ x }) => {
    const cubic = tf.mul(x, tf.add(tf.mul(tf.square(x), 0.044715), 1));
    return tf.mul(x, tf.sigmoid(tf.mul(cubic, 2 * Math.sqrt(2 / Math.PI))));
  },
});

registerFusedKernel(geluOp, 'webgpu', {
  forward: ({ x }) => elementwise('gelu', [x])[0]!,
  gradient: ({ x }, _, dy) => ({ x: elementwise('geluGradient', [x, dy])[0]! }),
});
