// SiLU, also called swish: x sigmoid(x).
import * as tf from '#tfjs';

export function silu(x: tf.Tensor): tf.Tensor {
  return tf.mul(x, tf.sigmoid(x));
}
