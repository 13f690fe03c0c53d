// Heads of values that share a head of queries and keys.
import * as tf from '#tfjs';

/** x [B, G, T, D] -> [B, heads, T, D], each head of x for heads / G consecutive ones. */
export function perHead(x: tf.Tensor4D, heads: number): tf.Tensor4D {
  const [batch, groups, length, dim] = x.shape;
  if (groups === heads) return x;
  const repeated = tf.tile(tf.reshape(x, [batch * groups, 1, length * dim]), [1, heads / groups, 1]);
  return tf.reshape(repeated, [batch, heads, length, dim]);
}
