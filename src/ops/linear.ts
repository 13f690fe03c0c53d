// y = x W^T (+ b), with W as checkpoints store it.
import * as tf from '#tfjs';

/** x [..., I], weight [O, I], bias [O] -> [..., O] */
export function linear<R extends tf.Rank>(x: tf.Tensor<R>, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor<R> {
  const [outputs, inputs] = weight.shape as [number, number];
  const flat = tf.matMul(tf.reshape(x, [-1, inputs]) as tf.Tensor2D, weight as tf.Tensor2D, false, true);
  const y = bias === undefined ? flat : tf.add(flat, bias);
  return tf.reshape<tf.Rank>(y, [...x.shape.slice(0, -1), outputs]) as tf.Tensor<R>;
}
