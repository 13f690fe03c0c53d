// Channels to heads and back.
import * as tf from '#tfjs';

/** [B, T, N D] -> [B, N, T, D] */
export function splitHeads(x: tf.Tensor3D, heads: number): tf.Tensor4D {
  const [batch, length, channels] = x.shape;
  return tf.transpose(tf.reshape(x, [batch, length, heads, channels / heads]), [0, 2, 1, 3]);
}

/** [B, N, T, D] -> [B, T, N D] */
export function mergeHeads(x: tf.Tensor4D): tf.Tensor3D {
  const [batch, heads, length, dim] = x.shape;
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, length, heads * dim]);
}
