// tf.split and tf.unstack. The gradient of cutting with tf.slice fills the whole tensor with zeros for each piece, so that many
// pieces cost their square; that of tf.split and tf.unstack joins the pieces, but tfjs 4.22.0 fails on it when there is only one.
import * as tf from '#tfjs';

/** Pieces of these sizes. */
export function split<R extends tf.Rank>(x: tf.Tensor<R>, sizes: readonly number[], axis: number): tf.Tensor<R>[] {
  return sizes.length === 1 ? [x] : tf.split(x, [...sizes], axis);
}

/** Pieces of one element each, without the axis. */
export function unstack(x: tf.Tensor, axis: number): tf.Tensor[] {
  return x.shape[axis] === 1 ? [tf.squeeze(x, [axis])] : tf.unstack(x, axis);
}
