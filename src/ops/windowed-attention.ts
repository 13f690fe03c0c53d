// Attention over a causal window with an elementwise activation (SWAT, Fu et al. 2025, eq. 2-5) or softmax.
//   o[t] = sum over s in (t - window, t] of act(q[t].k[s] / sqrt(D) + slope[h] * (t - s)) * v[s]
// The distance is the true one: the per-column ALiBi shortcut holds for softmax only. Sigmoid weights are not normalised.
import * as tf from '#tfjs';
import { fusedAttention, fusedAttentionGradient, hasAttentionKernels } from '../kernels/webgpu/windowed-attention.js';
import { constant } from './constants.js';
import { defineOp, registerFusedKernel } from './op.js';
import { scope } from './scope.js';

export interface WindowedAttentionInputs extends Record<string, tf.Tensor> {
  /** [B, T, N, D], rotated. */
  q: tf.Tensor4D;
  /** [B, S, Nkv, D], rotated; the last T of the S positions are the queries' own. Nkv divides N. */
  k: tf.Tensor4D;
  /** [B, S, Nkv, D] */
  v: tf.Tensor4D;
}

export interface WindowedAttentionAttributes {
  /** Keys in reach, self included; null = all before. */
  readonly window: number | null;
  /** One a head, in the paper's sign (negative favours recent tokens); null = no position bias. */
  readonly slopes: readonly number[] | null;
  readonly activation: 'sigmoid' | 'softmax';
}

/** Added to the logit of a key out of reach: sigmoid and softmax of it are 0 in f32. */
const OUT_OF_REACH = -1e9;
/** Queries in one piece of full attention. */
export const FULL_PIECE = 512;

/** -> [B, T, N, D]. Cost and memory grow with T x window. */
export const windowedAttention = defineOp<WindowedAttentionInputs, WindowedAttentionAttributes, tf.Tensor4D>({
  name: 'WindowedAttention',
  reference: ({ q, k, v }, attributes) =>
    scope(() => headsFirst(attend({ q: headsFirst(q), k: headsFirst(k), v: headsFirst(v) }, attributes))),
});

registerFusedKernel(windowedAttention, 'webgpu', {
  takes: ({ q }) => hasAttentionKernels(q.shape[3]),
  forward: (inputs, attributes) => fusedAttention(withSlopes(inputs, attributes), attributes),
  gradient: (inputs, attributes, dO) => ({
    ...fusedAttentionGradient(withSlopes(inputs, attributes), attributes, dO),
  }),
});

/** The inputs, and the slopes as a tensor [N]: zeros where there are none. */
function withSlopes({ q, k, v }: WindowedAttentionInputs, { slopes }: WindowedAttentionAttributes) {
  const heads = q.shape[2];
  const perHead = slopes ?? new Array<number>(heads).fill(0);
  return { q, k, v, slopes: constant(`slopes/${perHead.join()}`, () => tf.tensor1d([...perHead], 'float32')) };
}

/** [B, T, N, D] <-> [B, N, T, D], in which the composite forms multiply. */
function headsFirst(x: tf.Tensor4D): tf.Tensor4D {
  return tf.transpose(x, [0, 2, 1, 3]);
}

function attend(inputs: WindowedAttentionInputs, attributes: WindowedAttentionAttributes): tf.Tensor4D {
  const length = inputs.q.shape[2];
  const keys = inputs.k.shape[2];
  const { window } = attributes;
  if (window !== null && window < keys) {
    const band = bandOf(window);
    if (length > band.block) return banded(inputs, attributes, band);
  }
  return window === null && length > FULL_PIECE ? inPieces(inputs, attributes) : dense(inputs, attributes);
}

/** Keys that one query is multiplied with, masked ones included, when `length` queries start a sequence. */
export function keysPerQuery(window: number | null, length: number): number {
  if (window === null || window >= length) return length;
  const { block, reach } = bandOf(window);
  return Math.min(length, (reach + 1) * block);
}

/** How many blocks of queries see each key, so how often it is copied. */
export function copiesOfKeys(window: number): number {
  return bandOf(window).reach + 1;
}

/** Every query against every key given. */
function dense({ q, k, v }: WindowedAttentionInputs, attributes: WindowedAttentionAttributes): tf.Tensor4D {
  const [batch, heads, length, dim] = q.shape;
  const [, kvHeads, keys] = k.shape;
  const group = heads / kvHeads;
  const grouped = tf.reshape(scaled(q), [batch, kvHeads, group * length, dim]);
  const logits = tf.matMul(grouped, k, false, true);
  const bias = positionBias(attributes, heads, length, keys, keys - length);
  const weights = activate(tf.add(tf.reshape(logits, [batch, heads, length, keys]), bias), attributes);
  const out = tf.matMul(tf.reshape(weights, [batch, kvHeads, group * length, keys]), v);
  return tf.reshape(out, [batch, heads, length, dim]);
}

/** Full attention over a long sequence: pieces of queries against the keys up to their last one. */
function inPieces({ q, k, v }: WindowedAttentionInputs, attributes: WindowedAttentionAttributes): tf.Tensor4D {
  const length = q.shape[2];
  const before = k.shape[2] - length;
  const pieces: tf.Tensor4D[] = [];
  for (let start = 0; start < length; start += FULL_PIECE) {
    const size = Math.min(FULL_PIECE, length - start);
    const end = before + start + size;
    const first = (x: tf.Tensor4D) => tf.slice(x, [0, 0, 0, 0], [-1, -1, end, -1]);
    const piece = tf.tidy(() =>
      dense({ q: tf.slice(q, [0, 0, start, 0], [-1, -1, size, -1]), k: first(k), v: first(v) }, attributes),
    );
    pieces.push(piece);
  }
  return tf.concat(pieces, 2);
}

interface Band {
  /** Queries in a block. */
  readonly block: number;
  /** Blocks of keys before its own that a block of queries reaches into. */
  readonly reach: number;
}

/** Blocks of about half a window waste little: they see 1.5 windows of keys, and the products stay large. */
function bandOf(window: number): Band {
  const block = Math.min(128, Math.max(16, 2 ** Math.ceil(Math.log2(window / 2))));
  return { block, reach: Math.ceil((window - 1) / block) };
}

/** Blocks of queries, each against its own block of keys and the `reach` blocks before it. */
function banded(
  { q, k, v }: WindowedAttentionInputs,
  attributes: WindowedAttentionAttributes,
  { block, reach }: Band,
): tf.Tensor4D {
  const [batch, heads, length, dim] = q.shape;
  const kvHeads = k.shape[1];
  const group = heads / kvHeads;
  const blocks = Math.ceil(length / block);
  const span = (reach + 1) * block;
  const before = k.shape[2] - length;

  const queries = tf.reshape(padTokens(scaled(q), 0, blocks * block - length), [
    batch,
    kvHeads,
    group,
    blocks,
    block,
    dim,
  ]);
  const qBlocks = tf.reshape(tf.transpose(queries, [0, 1, 3, 2, 4, 5]), [batch * kvHeads * blocks, group * block, dim]);
  const keyBlocks = (x: tf.Tensor4D) => {
    const cut = Math.max(0, before - reach * block);
    const near = cut === 0 ? x : tf.slice(x, [0, 0, cut, 0], [-1, -1, -1, -1]);
    const padded = padTokens(near, reach * block - before + cut, blocks * block - length);
    const shifts = Array.from({ length: reach + 1 }, (_, shift) =>
      tf.reshape(tf.slice(padded, [0, 0, shift * block, 0], [-1, -1, blocks * block, -1]), [-1, block, dim]),
    );
    return tf.concat(shifts, 1);
  };

  const logits = tf.reshape(tf.matMul(qBlocks, keyBlocks(k), false, true), [
    batch,
    kvHeads,
    blocks,
    group,
    block,
    span,
  ]);
  const bias = tf.reshape(
    positionBias(attributes, heads, block, span, reach * block),
    attributes.slopes === null ? [1, 1, 1, 1, block, span] : [1, kvHeads, 1, group, block, span],
  );
  // Padded keys before the sequence have v = 0, which silences them for sigmoid; softmax must not count them.
  const biased = tf.add(logits, bias);
  const masked =
    attributes.activation === 'sigmoid'
      ? biased
      : tf.add(biased, startMask(blocks, block, span, reach * block - before));
  const weights = tf.reshape(activate(masked, attributes), [batch * kvHeads * blocks, group * block, span]);
  const out = tf.reshape(tf.matMul(weights, keyBlocks(v)), [batch, kvHeads, blocks, group, block, dim]);
  const merged = tf.reshape(tf.transpose(out, [0, 1, 3, 2, 4, 5]), [batch, heads, blocks * block, dim]) as tf.Tensor4D;
  return tf.slice(merged, [0, 0, 0, 0], [-1, -1, length, -1]);
}

/**
 * slope * distance where the key is in reach, a large negative number where not: [heads or 1, queries, keys].
 * `offset` is the distance of query 0 from key 0.
 */
function positionBias(
  { window, slopes }: WindowedAttentionAttributes,
  heads: number,
  queries: number,
  keys: number,
  offset: number,
): tf.Tensor3D {
  const key = `position-bias/${slopes?.join() ?? 'none'}/${window ?? 'full'}/${queries}/${keys}/${offset}`;
  return constant(key, () => {
    const perHead = slopes ?? [0];
    const bias = new Float32Array(perHead.length * queries * keys);
    let i = 0;
    for (const slope of perHead)
      for (let query = 0; query < queries; query++)
        for (let key = 0; key < keys; key++) {
          const distance = offset + query - key;
          bias[i++] = distance >= 0 && distance < (window ?? Infinity) ? slope * distance : OUT_OF_REACH;
        }
    return tf.tensor3d(bias, [slopes === null ? 1 : heads, queries, keys]);
  });
}

/** Hides the `padding` keys before the sequence from the first blocks: [blocks, 1, 1, span]. */
function startMask(blocks: number, block: number, span: number, padding: number): tf.Tensor4D {
  return constant(`start-mask/${blocks}/${block}/${span}/${padding}`, () => {
    const mask = new Float32Array(blocks * span);
    for (let i = 0; i < blocks; i++)
      mask.fill(OUT_OF_REACH, i * span, i * span + Math.min(span, Math.max(0, padding - i * block)));
    return tf.tensor4d(mask, [blocks, 1, 1, span]);
  });
}

function scaled(q: tf.Tensor4D): tf.Tensor4D {
  return tf.mul(q, 1 / Math.sqrt(q.shape[3]));
}

function padTokens(x: tf.Tensor4D, front: number, back: number): tf.Tensor4D {
  return front === 0 && back === 0
    ? x
    : tf.pad(x, [
        [0, 0],
        [0, 0],
        [front, back],
        [0, 0],
      ]);
}

function activate(logits: tf.Tensor, { activation }: WindowedAttentionAttributes): tf.Tensor {
  return activation === 'sigmoid' ? tf.sigmoid(logits) : tf.softmax(logits);
}
