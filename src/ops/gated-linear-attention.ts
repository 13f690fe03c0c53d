// Linear attention whose state decays by a factor of its own a channel and token: GLA (Yang et al. 2024), along the keys, and
// the two passes of GSA (Zhang et al. 2024), along the values and along the keys. A state S [Dk, Dv] a head,
//   S[t] = diag(exp g[t]) S[t-1] + k[t] v[t]^T  (or S[t-1] diag(exp g[t]));  o[t] = S[t]^T q[t].
// A chunk is built from single tokens by joining neighbouring blocks: between a token j of the first block and a token i of the
// second, the decay is that from j to the end of the first times that from there to i,
//   exp(g[j+1] + ... + g[i]) = exp(toEnd[j]) exp(fromStart[i]),
// two factors of at most 1, so that nothing overflows however strong the gates are, and everything is a matrix product.
import * as tf from '#tfjs';
import { gatedLinearAttentionForward, gatedLinearAttentionGradient } from '../kernels/webgpu/gated-linear-attention.js';
import { chunksOf, chunkStates, inChunks, joinChunks, type LinearAttentionOutputs } from './chunks.js';
import { defineOp, recomputed, registerFusedKernel } from './op.js';
import { scope } from './scope.js';

export interface GatedLinearAttentionInputs {
  /** [B, N, T, Dk] */
  readonly q: tf.Tensor4D;
  /** [B, N, T, Dk] */
  readonly k: tf.Tensor4D;
  /** [B, N, T, Dv] */
  readonly v: tf.Tensor4D;
  /** g, at most 0, [B, N, T, D], D the size of what it decays along. */
  readonly logDecay: tf.Tensor4D;
  /** S before the first token, [B, N, Dk, Dv]; null for zeros. */
  readonly state: tf.Tensor4D | null;
}

/** The side of S that has a decay for each of its channels. */
export type DecaySide = 'keys' | 'values';

/** Tokens in a chunk, at most: a power of two. */
const CHUNK = 64;

/** The parallel form, any T, of o times `scale`. Cost and memory grow with T; for the gradient only the inputs are kept. */
export function gatedLinearAttention(
  { state, ...inputs }: GatedLinearAttentionInputs,
  along: DecaySide,
  scale = 1,
): LinearAttentionOutputs {
  const [batch, heads, , valueDim] = inputs.v.shape;
  const start = state ?? tf.fill<tf.Rank.R4>([batch, heads, inputs.q.shape[3], valueDim], 0);
  const [o, last] = gatedLinearAttentionOp({ ...inputs, start }, { along, scale });
  return { o, state: last };
}

interface GatedAttributes {
  readonly along: DecaySide;
  readonly scale: number;
}

/** o is linear in q. */
function withScale<I extends { readonly q: tf.Tensor4D }>(inputs: I, scale: number): I {
  return scale === 1 ? inputs : { ...inputs, q: tf.mul(inputs.q, scale) };
}

type ChunkwiseInputs = Omit<GatedLinearAttentionInputs, 'state'> & {
  /** S before the first token. */
  readonly start: tf.Tensor4D;
};

/** -> o [B, N, T, Dv] and S after the last token. */
function chunkwise(inputs: ChunkwiseInputs, { along, scale }: GatedAttributes): [o: tf.Tensor4D, state: tf.Tensor4D] {
  return scope(() => {
    const [batch, heads, length, keyDim] = inputs.q.shape;
    const valueDim = inputs.v.shape[3];
    const chunks = doublingChunksOf(length);
    const { count } = chunks;
    const { onKeys, onValues } = decaying(along);
    const q = inChunks(withScale(inputs, scale).q, chunks);
    const k = inChunks(inputs.k, chunks);
    const v = inChunks(inputs.v, chunks);
    const inside = joinBlocks(q, k, v, inChunks(inputs.logDecay, chunks), along);

    const fromStart = tf.exp(inside.fromStart);
    const toEnd = tf.exp(inside.toEnd);
    const updates = tf.matMul(onKeys(k, toEnd), onValues(v, toEnd), true);
    const perChannel = along === 'keys' ? [keyDim, 1] : [1, valueDim];
    const { starts, final } = chunkStates(
      tf.reshape(updates, [batch * heads, count, keyDim, valueDim]),
      tf.reshape(lastToken(fromStart), [batch * heads, count, ...perChannel]),
      tf.reshape(inputs.start, [batch * heads, keyDim, valueDim]),
    );
    const carried = tf.matMul(onKeys(q, fromStart), tf.reshape(starts, [-1, keyDim, valueDim]) as tf.Tensor3D);
    return [
      joinChunks(tf.add(inside.o, onValues(carried, fromStart)), batch, chunks),
      tf.reshape(final, [batch, heads, keyDim, valueDim]),
    ];
  });
}

const gatedLinearAttentionOp = defineOp<ChunkwiseInputs, GatedAttributes, [o: tf.Tensor4D, state: tf.Tensor4D]>({
  name: 'GatedLinearAttention',
  reference: chunkwise,
  gradient: recomputed(chunkwise),
});

registerFusedKernel(gatedLinearAttentionOp, 'webgpu', {
  takes: inVectors,
  forward: (inputs, { along, scale }) => gatedLinearAttentionForward(inputs, along, scale),
  gradient: (inputs, { along, scale }, dOutput) =>
    scope(() => withScale(gatedLinearAttentionGradient(withScale(inputs, scale), along, dOutput), scale)),
});

/** The kernels read four neighbours at once. */
function inVectors({ q, v }: ChunkwiseInputs): boolean {
  return q.shape[3] % 4 === 0 && v.shape[3] % 4 === 0;
}

/** The recurrent form, for exactly one token. */
export function gatedLinearAttentionStep(
  inputs: GatedLinearAttentionInputs,
  along: DecaySide,
  scale = 1,
): LinearAttentionOutputs {
  return scope(() => {
    const { q, k, v } = withScale(inputs, scale);
    const [batch, heads, , keyDim] = q.shape;
    const valueDim = v.shape[3];
    const start = inputs.state ?? tf.fill([batch, heads, keyDim, valueDim], 0);
    const perChannel = along === 'keys' ? [keyDim, 1] : [1, valueDim];
    const decay = tf.exp(tf.reshape(inputs.logDecay, [batch, heads, ...perChannel]));
    const state = tf.add(tf.mul(start, decay), tf.matMul(k, v, true)) as tf.Tensor4D;
    return { o: tf.matMul(q, state), state };
  });
}

/** Elements that the parallel form holds at its peak for one row and head: its inputs and outputs, sums, and states. */
export function gatedWorkspace(length: number, keyDim: number, valueDim: number, along: DecaySide): number {
  const decayDim = along === 'keys' ? keyDim : valueDim;
  const { count, size } = doublingChunksOf(length);
  const perToken = 8 * keyDim + 10 * valueDim + (6 + 2 * Math.log2(size)) * (decayDim + valueDim) + size;
  return count * (size * perToken + 3 * keyDim * valueDim);
}

/** Chunks of a power of two of tokens. */
function doublingChunksOf(length: number) {
  const chunks = chunksOf(length, CHUNK);
  return { ...chunks, size: 2 ** Math.ceil(Math.log2(chunks.size)) };
}

/** Blocks of tokens: what they see of each other, and the sums of g up to and with a token and after it, inside its block. */
interface Blocks {
  /** [P, block, Dv] */
  readonly o: tf.Tensor3D;
  /** [P, block, D] */
  readonly fromStart: tf.Tensor3D;
  /** [P, block, D] */
  readonly toEnd: tf.Tensor3D;
}

/** Whole chunks as one block each. q, k [P, C, Dk], v [P, C, Dv], g [P, C, D]. */
function joinBlocks(q: tf.Tensor3D, k: tf.Tensor3D, v: tf.Tensor3D, g: tf.Tensor3D, along: DecaySide): Blocks {
  const { onKeys, onValues } = decaying(along);
  const [, size] = q.shape;
  let blocks: Blocks = {
    o: tf.reshape(tf.mul(v, tf.sum(tf.mul(q, k), -1, true)), [-1, 1, v.shape[2]]),
    fromStart: tf.reshape(g, [-1, 1, g.shape[2]]),
    toEnd: tf.reshape(tf.zerosLike(g), [-1, 1, g.shape[2]]),
  };
  for (let block = 2; block <= size; block *= 2)
    blocks = scope(() => {
      const [o1, o2] = halves(blocks.o, block);
      const [start1, start2] = halves(blocks.fromStart, block);
      const [end1, end2] = halves(blocks.toEnd, block);
      const [out, into] = [tf.exp(end1), tf.exp(start2)];
      const scores = tf.matMul(onKeys(halves(q, block)[1], into), onKeys(halves(k, block)[0], out), false, true);
      const across = onValues(tf.matMul(scores, onValues(halves(v, block)[0], out)), into);
      return {
        o: tf.concat([o1, tf.add(o2, across)], 1),
        fromStart: tf.concat([start1, tf.add(start2, lastToken(start1))], 1),
        toEnd: tf.concat([tf.add(end1, lastToken(start2)), end2], 1),
      };
    });
  return blocks;
}

/** The first and second halves of blocks of `block` tokens: x [.., .., D] -> two of [blocks, block / 2, D]. */
function halves(x: tf.Tensor3D, block: number): [first: tf.Tensor3D, second: tf.Tensor3D] {
  const blocks = tf.reshape(x, [-1, block, x.shape[2]]) as tf.Tensor3D;
  const half = (start: number) => tf.slice(blocks, [0, start, 0], [-1, block / 2, -1]);
  return [half(0), half(block / 2)];
}

/** x [.., C, D] -> [.., 1, D] */
function lastToken(x: tf.Tensor3D): tf.Tensor3D {
  return tf.slice(x, [0, x.shape[1] - 1, 0], [-1, 1, -1]);
}

/** Products with a decay, on the side that has one. */
function decaying(along: DecaySide) {
  const on = (side: DecaySide) => (x: tf.Tensor, decay: tf.Tensor) =>
    (side === along ? tf.mul(x, decay) : x) as tf.Tensor3D;
  return { onKeys: on('keys'), onValues: on('values') };
}
