// Sequences in chunks of equal length: linear attention is quadratic inside a chunk and hands a state from chunk to chunk.
import * as tf from '#tfjs';
import { unstack } from './split.js';

export interface LinearAttentionOutputs {
  /** [B, N, T, Dv] */
  readonly o: tf.Tensor4D;
  /** S after the last token. */
  readonly state: tf.Tensor4D;
}

export interface Chunks {
  /** Tokens of the sequence. */
  readonly length: number;
  readonly count: number;
  /** Tokens of a chunk; the last one is padded with zeros. */
  readonly size: number;
}

/** As many chunks of at most `limit` tokens as `length` tokens need, as even as they can be. */
export function chunksOf(length: number, limit: number): Chunks {
  const count = Math.ceil(length / limit);
  return { length, count, size: Math.ceil(length / count) };
}

/** x [B, N, T, D] (or [B, N, T], D = 1) -> [B N count, size, D] */
export function inChunks(x: tf.Tensor, { length, count, size }: Chunks): tf.Tensor3D {
  const [batch, heads, , dim = 1] = x.shape as [number, number, number, number?];
  const rows = tf.reshape(x, [batch * heads, length, dim]);
  const padding = count * size - length;
  const padded =
    padding === 0
      ? rows
      : tf.pad(rows, [
          [0, 0],
          [0, padding],
          [0, 0],
        ]);
  return tf.reshape(padded, [batch * heads * count, size, dim]);
}

/** [B N count, size, D] -> [B, N, T, D] */
export function joinChunks(x: tf.Tensor, batch: number, { length, count, size }: Chunks): tf.Tensor4D {
  const dim = x.shape.at(-1)!;
  const padded = tf.reshape(x, [batch, -1, count * size, dim]) as tf.Tensor4D;
  return count * size === length ? padded : tf.slice(padded, [0, 0, 0, 0], [-1, -1, length, -1]);
}

/**
 * The states at the start of every chunk, and the one after the last: S' = decay S + update. updates [R, count, ...], decays
 * broadcastable to it, start [R, ...] -> starts [R, count, ...], final [R, ...].
 */
export function chunkStates(updates: tf.Tensor, decays: tf.Tensor, start: tf.Tensor) {
  const decay = unstack(decays, 1);
  const starts: tf.Tensor[] = [];
  let state = start;
  unstack(updates, 1).forEach((update, chunk) => {
    starts.push(state);
    state = tf.add(tf.mul(state, decay[chunk]!), update);
  });
  return { starts: tf.stack(starts, 1), final: state };
}
