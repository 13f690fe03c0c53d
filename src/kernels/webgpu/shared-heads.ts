// The gradient of what several heads share.
import * as tf from '#tfjs';

/** Summed over the N / G heads that share one: [B, N, T, D] -> [B, G, T, D]. */
export function overSharing(x: tf.Tensor4D, groups: number): tf.Tensor4D {
  const [batch, heads, length, dim] = x.shape;
  if (heads === groups) return x;
  return tf.reshape(tf.sum(tf.reshape(x, [batch, groups, heads / groups, length * dim]), 2), [
    batch,
    groups,
    length,
    dim,
  ]);
}
