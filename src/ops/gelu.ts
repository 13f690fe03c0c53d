// GELU in its tanh form (Hendrycks & Gimpel 2016): x / 2 (1 + tanh(z)) with z = sqrt(2 / pi) (x + 0.044715 x^3), which is
// x sigmoid(2 z).
import * as tf from '#tfjs';

export function gelu<R extends tf.Rank>(x: tf.Tensor<R>): tf.Tensor<R> {
  const cubic = tf.mul(x, tf.add(tf.mul(tf.square(x), 0.044715), 1));
  return tf.mul(x, tf.sigmoid(tf.mul(cubic, 2 * Math.sqrt(2 / Math.PI))));
}
