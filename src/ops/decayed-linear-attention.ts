// Linear attention whose state decays by one factor a head and token: RetNet (Sun et al. 2023), where it is fixed, and Mamba2
// (Dao & Gu 2024), where it depends on the token. A state S [Dk, Dv] a head,
//   S[t] = exp(g[t]) S[t-1] + k[t] v[t]^T;  o[t] = S[t]^T q[t].
// In chunks of C tokens, with G the sum of g from the chunk's start and S the state there:
//   O[i] = exp(G[i]) q[i] S + sum over j <= i of exp(G[i] - G[j]) (q[i].k[j]) v[j]
//   S'   = exp(G[C]) S + sum over j of exp(G[C] - G[j]) k[j] v[j]^T
import * as tf from '#tfjs';
import { chunkDecays } from './chunk-decays.js';
import { chunksOf, chunkStates, inChunks, joinChunks, type LinearAttentionOutputs } from './chunks.js';
import { defineOp, recomputed, registerFusedKernel } from './op.js';
import {
  decayedLinearAttentionForward,
  decayedLinearAttentionGradient,
} from '../kernels/webgpu/decayed-linear-attention.js';
import { perHead } from './per-head.js';
import { scope } from './scope.js';

export interface DecayedLinearAttentionInputs {
  /** [B, G, T, Dk]; G divides N, and N / G consecutive heads of v share one of q and k. */
  readonly q: tf.Tensor4D;
  /** [B, G, T, Dk] */
  readonly k: tf.Tensor4D;
  /** [B, N, T, Dv] */
  readonly v: tf.Tensor4D;
  /** g, at most 0, [B, N, T] */
  readonly logDecay: tf.Tensor3D;
  /** S before the first token, [B, N, Dk, Dv]; null for zeros. */
  readonly state: tf.Tensor4D | null;
}

/** Tokens in a chunk, at most. */
export const CHUNK = 64;

/** The parallel form, any T. Cost and memory grow with T; for the gradient only the inputs are kept. */
export function decayedLinearAttention({ state, ...inputs }: DecayedLinearAttentionInputs): LinearAttentionOutputs {
  const [batch, heads, , valueDim] = inputs.v.shape;
  const start = state ?? tf.fill<tf.Rank.R4>([batch, heads, inputs.q.shape[3], valueDim], 0);
  const [o, last] = decayedLinearAttentionOp({ ...inputs, start }, null);
  return { o, state: last };
}

type ChunkwiseInputs = Omit<DecayedLinearAttentionInputs, 'state'> & {
  /** S before the first token. */
  readonly start: tf.Tensor4D;
};

/** -> o [B, N, T, Dv] and S after the last token. */
function chunkwise(inputs: ChunkwiseInputs): [o: tf.Tensor4D, state: tf.Tensor4D] {
  return scope(() => {
    const [batch, groups, length, keyDim] = inputs.q.shape;
    const [, heads, , valueDim] = inputs.v.shape;
    const [rows, shared] = [batch * groups, heads / groups];
    const chunks = chunksOf(length, CHUNK);
    const { count, size } = chunks;
    const q = inChunks(inputs.q, chunks);
    const k = inChunks(inputs.k, chunks);
    const v = inChunks(inputs.v, chunks);
    const decay = scope(() => chunkDecays(inChunks(inputs.logDecay, chunks)));

    const inside = scope(() => {
      const scores = tf.reshape(tf.matMul(q, k, false, true), [rows, 1, count, size, size]);
      const weights = tf.mul(scores, tf.reshape(decay.within, [rows, shared, count, size, size]));
      return tf.matMul(tf.reshape(weights, [-1, size, size]) as tf.Tensor3D, v);
    });

    const updates = tf.matMul(k, sideBySide(tf.mul(v, decay.toEnd), rows, shared), true);
    const { starts, final } = chunkStates(
      tf.reshape(updates, [rows, count, keyDim, shared, valueDim]),
      tf.reshape(tf.transpose(tf.reshape(decay.whole, [rows, shared, count]), [0, 2, 1]), [rows, count, 1, shared, 1]),
      tf.transpose(tf.reshape(inputs.start, [rows, shared, keyDim, valueDim]), [0, 2, 1, 3]),
    );
    const carried = tf.matMul(q, tf.reshape(starts, [-1, keyDim, shared * valueDim]) as tf.Tensor3D);
    const before = tf.mul(apart(carried, rows, shared), decay.fromStart);
    return [
      joinChunks(tf.add(inside, before), batch, chunks),
      tf.reshape(tf.transpose(final, [0, 2, 1, 3]), [batch, heads, keyDim, valueDim]),
    ];
  });
}

const decayedLinearAttentionOp = defineOp<ChunkwiseInputs, null, [o: tf.Tensor4D, state: tf.Tensor4D]>({
  name: 'DecayedLinearAttention',
  reference: chunkwise,
  gradient: recomputed(chunkwise),
});

registerFusedKernel(decayedLinearAttentionOp, 'webgpu', {
  takes: inVectors,
  forward: decayedLinearAttentionForward,
  gradient: (inputs, _, dOutput) => scope(() => decayedLinearAttentionGradient(inputs, dOutput)),
});

/** The kernels read four neighbours at once. */
function inVectors({ q, v }: ChunkwiseInputs): boolean {
  return q.shape[3] % 4 === 0 && v.shape[3] % 4 === 0;
}

/** The recurrent form, for exactly one token. */
export function decayedLinearAttentionStep(inputs: DecayedLinearAttentionInputs): LinearAttentionOutputs {
  return scope(() => {
    const { v, logDecay } = inputs;
    const [batch, heads, , valueDim] = v.shape;
    const [q, k] = [perHead(inputs.q, heads), perHead(inputs.k, heads)];
    const start = inputs.state ?? tf.fill([batch, heads, q.shape[3], valueDim], 0);
    const decay = tf.exp(tf.reshape(logDecay, [batch, heads, 1, 1]));
    const state = tf.add(tf.mul(start, decay), tf.matMul(k, v, true)) as tf.Tensor4D;
    return { o: tf.matMul(q, state), state };
  });
}

/**
 * Elements that the parallel form holds at its peak for one row, inputs and outputs included: the chunks' decays while they are
 * made, four matrices a chunk and head, or v and o with their copies and the state of every chunk.
 */
export function decayedWorkspace(
  length: number,
  groups: number,
  heads: number,
  keyDim: number,
  valueDim: number,
): number {
  const { count, size } = chunksOf(length, CHUNK);
  const perToken = 6 * groups * keyDim + heads * (9 * valueDim + 4 * size);
  return count * (size * perToken + 4 * heads * keyDim * valueDim);
}

/** x [rows shared count, C, D] -> [rows count, C, shared D]: the heads that share q and k, one beside the other. */
function sideBySide(x: tf.Tensor, rows: number, shared: number): tf.Tensor3D {
  if (shared === 1) return x as tf.Tensor3D;
  const [, size, dim] = x.shape as [number, number, number];
  const perHead = tf.reshape(x, [rows, shared, -1, size, dim]);
  return tf.reshape(tf.transpose(perHead, [0, 2, 3, 1, 4]), [-1, size, shared * dim]) as tf.Tensor3D;
}

/** The way back. */
function apart(x: tf.Tensor, rows: number, shared: number): tf.Tensor3D {
  if (shared === 1) return x as tf.Tensor3D;
  const [, size, width] = x.shape as [number, number, number];
  const perHead = tf.reshape(x, [rows, -1, size, shared, width / shared]);
  return tf.reshape(tf.transpose(perHead, [0, 3, 1, 2, 4]), [-1, size, width / shared]) as tf.Tensor3D;
}
