// Linear attention whose state decays by a factor of its own a channel and token (GLA along the keys, GSA along the values, too),
// chunk by chunk, with the kernels of linear attention. Along the keys the decays are in the scores, along the values in the
// sums of the outputs; in the gradients it is the other way round for the operands on the other side. That of the decay is, of
// the side that decays, with G the sums of g,
//   dG = q dq - k dk (keys) or o do - v dv (values), and S dS at the end; dg is the sum of dG from its token on.
import * as tf from '#tfjs';
import { chunkDecays } from './chunk-decays.js';
import { chunkOutputs } from './chunk-outputs.js';
import { chunkOutputsF16 } from './chunk-outputs-f16.js';
import { chunkScores } from './chunk-scores.js';
import { chunkStates } from './chunk-states.js';
import { chunkStatesF16 } from './chunk-states-f16.js';
import { chunksOnTensorCores } from './chunk-tensor-cores.js';
import { gatedScores, gatedScoresOnTensorCores } from './gated-scores.js';
import { suffixSumsOfProducts } from './suffix-sums.js';

/** As `GatedLinearAttentionInputs`, with S before the first token. */
interface Inputs {
  readonly q: tf.Tensor4D;
  readonly k: tf.Tensor4D;
  readonly v: tf.Tensor4D;
  readonly logDecay: tf.Tensor4D;
  readonly start: tf.Tensor4D;
}
type Side = 'keys' | 'values';
type OutputsAndState = [o: tf.Tensor4D, state: tf.Tensor4D];

/** The outputs are those of the formula times `scale`. */
export function gatedLinearAttentionForward(
  { q, k, v, logDecay, start }: Inputs,
  along: Side,
  scale: number,
): OutputsAndState {
  const { fromStart, toEnd } = chunkDecays(logDecay);
  if (along === 'keys' && chunksOnTensorCores(q.shape[3], v.shape[3])) {
    const { states, final } = chunkStatesF16({ k, v, toEnd, fromStart, start }, along);
    const read = { q, factor: fromStart, states, scores: gatedScoresOnTensorCores(q, k, logDecay), v, logDecay: null };
    return [chunkOutputsF16(read, { within: 'scored', outputDim: v.shape[3], heads: v.shape[1], scale }), final];
  }
  const { states, final } = chunkStates({ k, v, factor: toEnd, whole: fromStart, start }, along);
  return [outputs({ q, k, v, logDecay }, along, fromStart, states, scale), final];
}

function outputs(
  { q, k, v, logDecay }: Omit<Inputs, 'start'>,
  along: Side,
  fromStart: tf.Tensor,
  states: tf.Tensor,
  scale = 1,
) {
  const [, heads, , outputDim] = v.shape;
  return along === 'keys'
    ? chunkOutputs(
        { q, factor: fromStart, states, scores: gatedScores(q, k, logDecay), v, logDecay: null },
        { within: 'scored', outputDim, heads, scale },
      )
    : chunkOutputs(
        { q, factor: null, states, scores: chunkScores(q, k), v, logDecay },
        { within: 'channel', outputDim, heads, scale },
      );
}

export function gatedLinearAttentionGradient(
  inputs: Inputs,
  along: Side,
  [dO, dLast]: readonly [dO: tf.Tensor4D, dLast: tf.Tensor4D],
) {
  const { q, k, v, logDecay, start } = inputs;
  const [, heads, , valueDim] = v.shape;
  const keyDim = q.shape[3];
  const { fromStart, toEnd } = chunkDecays(logDecay);
  const { states, final: last } = chunkStates({ k, v, factor: toEnd, whole: fromStart, start }, along);
  const reversed = chunkStates({ k: q, v: dO, factor: fromStart, whole: fromStart, start: dLast }, along, true);
  const dStates = reversed.states;

  /** Products over the side that decays have the decays in them; sums over the other side are recurrences. */
  const onKeys = along === 'keys';
  const scores = onKeys ? gatedScores(q, k, logDecay) : chunkScores(q, k);
  const dScores = onKeys ? chunkScores(dO, v) : gatedScores(dO, v, logDecay);
  const overKeys = { within: onKeys ? 'scored' : 'channel', outputDim: valueDim, heads } as const;
  const overValues = { within: onKeys ? 'channel' : 'scored', outputDim: keyDim, heads } as const;
  const dQ = chunkOutputs(
    { q: dO, factor: onKeys ? null : fromStart, states, scores: dScores, v: k, logDecay: onKeys ? logDecay : null },
    { ...overValues, transposedState: true },
  );
  const dK = chunkOutputs(
    { q: v, factor: onKeys ? null : toEnd, states: dStates, scores: dScores, v: q, logDecay: onKeys ? logDecay : null },
    { ...overValues, transposedState: true, transposedScores: true },
  );
  const dV = chunkOutputs(
    { q: k, factor: onKeys ? toEnd : null, states: dStates, scores, v: dO, logDecay: onKeys ? null : logDecay },
    { ...overKeys, transposedScores: true },
  );
  const atEnd = tf.sum(tf.mul(last, dLast), onKeys ? 3 : 2);
  return {
    ...{ q: dQ, k: dK, v: dV, start: reversed.final },
    logDecay: onKeys
      ? suffixSumsOfProducts([q, dQ, k, dK], atEnd)
      : suffixSumsOfProducts([outputs(inputs, along, fromStart, states), dO, v, dV], atEnd),
  };
}
