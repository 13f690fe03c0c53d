// The delta rule chunk by chunk: the keys' products with each other, the systems that the chunks' corrections solve, the states
// between the chunks with the corrections in them, and from these, as in linear attention, the outputs.
import type * as tf from '#tfjs';
import { chunkDecays } from './chunk-decays.js';
import { chunkOutputs } from './chunk-outputs.js';
import { chunkScores } from './chunk-scores.js';
import { deltaStates } from './delta-states.js';
import { deltaSystems } from './delta-systems.js';

/** As `DeltaRuleInputs`, with S before the first token. */
interface Inputs {
  readonly q: tf.Tensor4D;
  readonly k: tf.Tensor4D;
  readonly v: tf.Tensor4D;
  readonly rate: tf.Tensor3D;
  readonly logDecay?: tf.Tensor3D;
  readonly start: tf.Tensor4D;
}

export function deltaRuleForward({ q, k, v, rate, logDecay, start }: Inputs): [o: tf.Tensor4D, state: tf.Tensor4D] {
  const [, heads, length, outputDim] = v.shape;
  const gates = logDecay ?? null;
  const fromStart = gates && chunkDecays(gates).fromStart;
  const systems = deltaSystems({ k, v, rate, products: chunkScores(k, k), logDecay: gates });
  const { states, corrections, final } = deltaStates(systems, fromStart, start, length);
  const o = chunkOutputs(
    { q, factor: fromStart, states, scores: chunkScores(q, k), v: { operands: corrections }, logDecay: gates },
    { within: gates === null ? 'causal' : 'token', outputDim, heads, scale: q.shape[3] ** -0.5 },
  );
  return [o, final];
}
