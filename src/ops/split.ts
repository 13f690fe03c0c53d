// tf.split by sizes. The gradient of cutting with tf.slice fills the whole tensor with zeros for each piece, so that many
// pieces cost their square; that of tf.split joins the pieces, but tfjs 4.22.0 fails on it when there is only one.
import * as tf from '#tfjs';

export function split<R extends tf.Rank>(x: tf.Tensor<R>, sizes: readonly number[], axis: number): tf.Tensor<R>[] {
  return sizes.length === 1 ? [x] : tf.split(x, [...sizes], axis);
}
