// Packed f16 copies of tensors, so that three projections of one input convert it once. A copy is forgotten when its tensor is
// written in place, and lives as long as the scope that it was made in.
import type * as tf from '#tfjs';

const copies = new WeakMap<tf.TensorInfo, tf.Tensor>();

export function halfCopyOf(tensor: tf.TensorInfo): tf.Tensor | undefined {
  const copy = copies.get(tensor);
  return copy === undefined || copy.isDisposed ? undefined : copy;
}

export function rememberHalfCopy(tensor: tf.TensorInfo, copy: tf.Tensor): void {
  copies.set(tensor, copy);
}

export function forgetHalfCopy(tensor: tf.TensorInfo): void {
  copies.delete(tensor);
}
