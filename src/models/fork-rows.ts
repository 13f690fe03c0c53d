// Forking a state: every mixer keeps its batch on the first axis of every tensor of its state.
import * as tf from '#tfjs';

/** x [B, ...] -> row i of it copies[i] times. */
export function forkRows<T extends tf.Tensor>(x: T, copies: readonly number[]): T {
  const rows = copies.flatMap((count, row) => Array<number>(count).fill(row));
  // Gathering from nothing gives another shape on wasm.
  if (x.size === 0) return tf.tensor([], [rows.length, ...x.shape.slice(1)], x.dtype) as T;
  return tf.gather(x, tf.tensor1d(rows, 'int32')) as T;
}
