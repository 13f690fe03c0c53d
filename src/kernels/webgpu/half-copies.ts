// Packed f16 copies of tensors, so that three projections of one input convert it once. A copy belongs to the data, which reshaped
// tensors share; it is forgotten when the data is written in place, and lives as long as the scope that it was made in.
import type * as tf from '#tfjs';

const copies = new WeakMap<object, tf.Tensor>();

export function halfCopyOf({ dataId }: tf.TensorInfo): tf.Tensor | undefined {
  const copy = copies.get(dataId);
  return copy === undefined || copy.isDisposed ? undefined : copy;
}

export function rememberHalfCopy({ dataId }: tf.TensorInfo, copy: tf.Tensor): void {
  copies.set(dataId, copy);
}

export function forgetHalfCopy({ dataId }: tf.TensorInfo): void {
  copies.delete(dataId);
}
