// TTT-Linear (Sun et al. 2024, section 2): the hidden state is a linear model f(x) = x W + b that learns, while it reads, to
// turn keys into values, by gradient descent on 1/2 |LN(f(k)) - (v - k)|^2. In a mini-batch of K tokens all gradients are
// taken at the model it started with; with G_s = rate_s [k_s 1]^T E_s, E_s the gradient of the loss at f(k_s), token i reads
//   W_i = W - scale_i (sum over s <= i of G_s),   y_i = q_i + LN(q_i W_i + b_i),
// and the last token's W_i starts the next mini-batch. The dual form (section 2.5) reads without making W_i:
//   q_i W_i = q_i W - scale_i (sum over s <= i of (q_i.k_s) rate_s E_s).
// A one appended to q and k makes b the last row of W. A sequence may stop and go on within a mini-batch: the sum of the G_s
// so far, not yet scaled, waits in the memory.
// The gradient goes through the mini-batches from the last to the first, each from the W that it started with. With X_i the
// gradient of q_i W_i, through the layer norm from dy_i, dW that of the W behind, A[i, s] = [q_i 1].[k_s 1] for s <= i,
//   F = -scale_K dW  (or, where the mini-batch has not ended, the gradient of the sum that waits)
//   dG_s = [k_s 1] F - sum over i >= s of scale_i A[i, s] X_i;  drate_s = dG_s.E_s
//   Z_s the gradient of k_s W: rate_s dG_s back through E, which is a function of k_s W, of v_s - k_s and of the norm
//   dq_i = dy_i + X_i W^T - scale_i (sum over s <= i of (X_i.G_s) k_s)
//   dk_s = Z_s W^T + G_s F^T - sum over i >= s of scale_i (X_i.G_s) q_i, and what E gives it;  dv_s what E gives it
//   dscale_i = -sum over s <= i of A[i, s] (X_i.G_s), and for the last, too, -(sum over s of G_s.([k_s 1] dW))
//   dW += [Q 1]^T X + [K 1]^T Z.
import * as tf from '#tfjs';
import { tttGradient } from '../kernels/webgpu/ttt-gradient.js';
import { hasTttKernel, tttForward } from '../kernels/webgpu/ttt-mini-batch.js';
import { hasTttGradient } from '../kernels/webgpu/ttt-rows.js';
import { layerNorm, standardise } from './layer-norm.js';
import { defineOp, registerFusedKernel } from './op.js';
import { scope } from './scope.js';
import { split } from './split.js';
import { lowerTriangle } from './triangles.js';

/** B rows, N heads, T tokens, D head size, K tokens in a mini-batch. */
export interface TttInputs {
  /** [B, N, T, D], rotated */
  readonly q: tf.Tensor4D;
  /** [B, N, T, D], rotated */
  readonly k: tf.Tensor4D;
  /** [B, N, T, D] */
  readonly v: tf.Tensor4D;
  /** What each token's gradient counts, [B, N, T, 1]. */
  readonly rate: tf.Tensor4D;
  /** What the sum of gradients counts at each place of a mini-batch, [K]. */
  readonly scale: tf.Tensor1D;
  /** The layer norm of each head, [N, 1, D]. */
  readonly norm: { readonly weight: tf.Tensor; readonly bias: tf.Tensor };
}

export interface TttMemory {
  /** W and below it b at the start of the running mini-batch, [B, N, D + 1, D]. */
  readonly weights: tf.Tensor4D;
  /** The sum of G_s over the running mini-batch, of the same shape; null between two. */
  readonly pending: tf.Tensor4D | null;
}

/** The official implementation's, in both layer norms. */
export const TTT_EPSILON = 1e-6;

/** `place` is the first token's in its mini-batch, from 0. -> y [B, N, T, D] and the memory after the last token. */
export function tttLinear(
  { norm, ...tokens }: TttInputs,
  { weights, pending }: TttMemory,
  place: number,
): { y: tf.Tensor4D; memory: TttMemory } {
  const inputs = { ...tokens, normWeight: norm.weight, normBias: norm.bias, weights };
  const [y, after, sum] = tttOp(pending === null ? inputs : { ...inputs, pending }, { place });
  return { y: y!, memory: { weights: after!, pending: sum ?? null } };
}

type OpInputs = Omit<TttInputs, 'norm'> & {
  readonly normWeight: tf.Tensor;
  readonly normBias: tf.Tensor;
  readonly weights: tf.Tensor4D;
  /** Absent between two mini-batches. */
  readonly pending?: tf.Tensor4D;
};
/** y, the weights, and the pending sum where the last token does not end a mini-batch. */
type OpOutputs = tf.Tensor4D[];

const tttOp = defineOp<OpInputs, { readonly place: number }, OpOutputs>({
  name: 'TttMiniBatch',
  reference: byMiniBatches,
});

registerFusedKernel(tttOp, 'webgpu', {
  takes: ({ q, scale }) => hasTttKernel(q.shape[3], scale.shape[0]),
  takesGradient: ({ q, scale }) => hasTttGradient(q.shape[3], scale.shape[0]),
  forward: (inputs, { place }) => {
    const [y, weights, pending] = tttForward(inputs, place, TTT_EPSILON);
    if ((place + inputs.q.shape[2]) % inputs.scale.shape[0] !== 0) return [y, weights, pending];
    pending.dispose();
    return [y, weights];
  },
  gradient: (inputs, { place }, dOutputs) => {
    const [dY, dWeights, dPending] = dOutputs as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D | undefined];
    return scope(() => tttGradient(inputs, [dY, dWeights, dPending], place, TTT_EPSILON));
  },
});

function byMiniBatches(
  { q, k, v, rate, scale, normWeight, normBias, weights, pending }: OpInputs,
  { place }: { readonly place: number },
): OpOutputs {
  const norm = { weight: normWeight, bias: normBias };
  const size = scale.shape[0];
  const sizes = pieces(q.shape[2], size, place);
  const [queries, keys, targets, rates] = [withOne(q), withOne(k), tf.sub(v, k), rate].map((x) => split(x, sizes, 2));
  const reads: tf.Tensor4D[] = [];
  const memory: TttMemory = { weights, pending: pending ?? null };
  let after = memory;
  sizes.forEach((length, i) => {
    const first = i === 0 ? place : 0;
    const before = after;
    const next = scope(() => {
      const scales = tf.reshape(tf.slice(scale, first, length), [length, 1]);
      const piece = { q: queries![i]!, k: keys![i]!, target: targets![i]!, rate: rates![i]!, scales };
      return readAndLearn(piece as Piece, before, norm, first + length === size);
    });
    after = next.memory;
    reads.push(next.read);
    if (before !== memory && before.weights !== after.weights) before.weights.dispose();
  });
  const y = tf.add(q, layerNorm(tf.concat(reads, 2), norm, TTT_EPSILON)) as tf.Tensor4D;
  // An op's output is not its input, even where no mini-batch ended.
  const last = after.weights === weights ? tf.clone(weights) : after.weights;
  return after.pending === null ? [y, last] : [y, last, after.pending];
}

/** Tokens of one mini-batch. */
interface Piece {
  /** [B, N, t, D + 1] */
  readonly q: tf.Tensor4D;
  readonly k: tf.Tensor4D;
  /** v - k, [B, N, t, D] */
  readonly target: tf.Tensor4D;
  /** [B, N, t, 1] */
  readonly rate: tf.Tensor4D;
  /** [t, 1] */
  readonly scales: tf.Tensor2D;
}

/** -> q_i W_i + b_i, [B, N, t, D]. */
function readAndLearn(
  { q, k, target, rate, scales }: Piece,
  { weights, pending }: TttMemory,
  norm: TttInputs['norm'],
  completes: boolean,
): { read: tf.Tensor4D; memory: TttMemory } {
  const length = q.shape[2];
  const gradient = tf.mul(rate, lossGradient(tf.matMul(k, weights), target, norm));
  const reach = tf.mul(tf.matMul(q, k, false, true), lowerTriangle(length));
  const learnt = tf.matMul(reach, gradient);
  const allLearnt = pending === null ? learnt : tf.add(learnt, tf.matMul(q, pending));
  const read = tf.sub(tf.matMul(q, weights), tf.mul(scales, allLearnt)) as tf.Tensor4D;

  const sum = tf.matMul(k, gradient, true);
  const total = (pending === null ? sum : tf.add(sum, pending)) as tf.Tensor4D;
  if (!completes) return { read, memory: { weights, pending: total } };
  const lastScale = tf.slice(scales, [length - 1, 0], [1, 1]);
  return { read, memory: { weights: tf.sub(weights, tf.mul(lastScale, total)) as tf.Tensor4D, pending: null } };
}

/** Gradient of 1/2 |LN(z) - target|^2 with respect to z. */
function lossGradient(z: tf.Tensor, target: tf.Tensor, { weight, bias }: TttInputs['norm']): tf.Tensor {
  const { standardised, deviation } = standardise(z, TTT_EPSILON);
  const error = tf.sub(tf.add(tf.mul(standardised, weight), bias), target);
  const g = tf.mul(error, weight);
  const alongMean = tf.mean(g, -1, true);
  const alongScale = tf.mul(standardised, tf.mean(tf.mul(g, standardised), -1, true));
  return tf.div(tf.sub(tf.sub(g, alongMean), alongScale), deviation);
}

/** Lengths of the mini-batches, or parts of them, that `length` tokens from `place` on fall into. */
function pieces(length: number, size: number, place: number): number[] {
  const first = Math.min(length, size - place);
  const rest = length - first;
  const tail = rest % size;
  return [first, ...Array<number>((rest - tail) / size).fill(size), ...(tail === 0 ? [] : [tail])];
}

/** x [..., D] -> [x 1], [..., D + 1] */
function withOne(x: tf.Tensor4D): tf.Tensor4D {
  return tf.pad(
    x,
    [
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 1],
    ],
    1,
  );
}
