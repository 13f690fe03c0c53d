// Linear attention whose state decays by one factor a head and token (RetNet, Mamba2), chunk by chunk: the decays of the tokens,
// the states between the chunks, the chunks' scores, and from these the outputs. The gradients of q, k and v are passes of the
// same kernels; that of the decay follows from them, since exp(G[i] - G[j]) scales what q[i] and k[j] give each other:
//   dG = q.dq - k.dk, and S.dS at the end; dg is the sum of dG from its token on.
import * as tf from '#tfjs';
import { chunkDecays } from './chunk-decays.js';
import { chunkOutputs } from './chunk-outputs.js';
import { chunkOutputsF16 } from './chunk-outputs-f16.js';
import { chunkScores } from './chunk-scores.js';
import { chunkStates } from './chunk-states.js';
import { chunkStatesF16 } from './chunk-states-f16.js';
import { chunksOnTensorCores } from './chunk-tensor-cores.js';
import { rowProducts } from './row-products.js';
import { overSharing } from './shared-heads.js';
import { suffixSums } from './suffix-sums.js';

/** As `DecayedLinearAttentionInputs`, with S before the first token. */
interface Inputs {
  readonly q: tf.Tensor4D;
  readonly k: tf.Tensor4D;
  readonly v: tf.Tensor4D;
  readonly logDecay: tf.Tensor3D;
  readonly start: tf.Tensor4D;
}

export function decayedLinearAttentionForward({
  q,
  k,
  v,
  logDecay,
  start,
}: Inputs): [o: tf.Tensor4D, state: tf.Tensor4D] {
  const [, heads, , outputDim] = v.shape;
  const { fromStart, toEnd } = chunkDecays(logDecay);
  const scores = chunkScores(q, k);
  if (chunksOnTensorCores(q.shape[3], outputDim)) {
    const { states, final } = chunkStatesF16({ k, v, toEnd, fromStart, start }, 'token');
    const read = { q, factor: fromStart, states, scores, v, logDecay };
    return [chunkOutputsF16(read, { within: 'token', outputDim, heads }), final];
  }
  const { states, final } = chunkStates({ k, v, factor: toEnd, whole: fromStart, start }, 'token');
  const o = chunkOutputs({ q, factor: fromStart, states, scores, v, logDecay }, { within: 'token', outputDim, heads });
  return [o, final];
}

export function decayedLinearAttentionGradient(
  { q, k, v, logDecay, start }: Inputs,
  [dO, dLast]: readonly [dO: tf.Tensor4D, dLast: tf.Tensor4D],
) {
  const [, heads, , valueDim] = v.shape;
  const keyDim = q.shape[3];
  const { fromStart, toEnd } = chunkDecays(logDecay);
  const { states, final: last } = chunkStates({ k, v, factor: toEnd, whole: fromStart, start }, 'token');
  const reversed = chunkStates({ k: q, v: dO, factor: fromStart, whole: fromStart, start: dLast }, 'token', true);
  const dStates = reversed.states;
  const dScores = chunkScores(dO, v);
  const common = { within: 'token', heads } as const;
  const dQ = chunkOutputs(
    { q: dO, factor: fromStart, states, scores: dScores, v: k, logDecay },
    { ...common, outputDim: keyDim, transposedState: true },
  );
  const dK = chunkOutputs(
    { q: v, factor: toEnd, states: dStates, scores: dScores, v: q, logDecay },
    { ...common, outputDim: keyDim, transposedState: true, transposedScores: true },
  );
  const dV = chunkOutputs(
    { q: k, factor: toEnd, states: dStates, scores: chunkScores(q, k), v: dO, logDecay },
    { ...common, outputDim: valueDim, transposedScores: true },
  );
  const atEnd = tf.sum(tf.mul(last, dLast), [2, 3]);
  return {
    q: overSharing(dQ, q.shape[1]),
    k: overSharing(dK, k.shape[1]),
    v: dV,
    logDecay: suffixSums(rowProducts(q, dQ, k, dK), atEnd),
    start: reversed.final,
  };
}
