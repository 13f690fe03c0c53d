// RMSNorm (Zhang & Sennrich 2019): y = x / sqrt(mean(x^2) + eps) * w, over the last dimension, in f32.
import * as tf from '#tfjs';
import { defineOp } from './op.js';

/** x [..., H], weight [H] -> [..., H] */
export const rmsNorm = defineOp<{ x: tf.Tensor; weight: tf.Tensor }, { epsilon: number }, tf.Tensor>({
  name: 'RmsNorm',
  reference: ({ x, weight }, { epsilon }) => {
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon));
    return tf.mul(tf.mul(x, scale), weight);
  },
});
