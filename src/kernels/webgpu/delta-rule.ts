// The delta rule chunk by chunk: the keys' products with each other, the systems that the chunks' corrections solve, the states
// between the chunks with the corrections in them, and from these, as in linear attention, the outputs. The gradient (its formulas
// are in ops/delta-rule.ts) computes all this again, in f32, and goes from the last chunk to the first.
import * as tf from '#tfjs';
import { chunkDecays } from './chunk-decays.js';
import { chunkOutputs } from './chunk-outputs.js';
import { chunkOutputsF16 } from './chunk-outputs-f16.js';
import { chunkScores } from './chunk-scores.js';
import { chunksOnTensorCores } from './chunk-tensor-cores.js';
import { deltaKeyGradients } from './delta-key-gradients.js';
import { deltaScalarGradients } from './delta-scalar-gradients.js';
import { deltaStateGradients } from './delta-state-gradients.js';
import { deltaStates } from './delta-states.js';
import { deltaStatesF16 } from './delta-states-f16.js';
import { deltaSystems } from './delta-systems.js';
import { deltaSystemsF16 } from './delta-systems-f16.js';
import { deltaValueGradients } from './delta-value-gradients.js';
import { overSharing } from './shared-heads.js';
import { suffixSums } from './suffix-sums.js';

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
  const keyDim = q.shape[3];
  const gates = logDecay ?? null;
  const decays = gates && chunkDecays(gates);
  const fromStart = decays && decays.fromStart;
  const system = { k, v, rate, products: chunkScores(k, k), logDecay: gates };
  const read = { q, factor: fromStart, scores: chunkScores(q, k), logDecay: gates };
  const form = { within: gates === null ? 'causal' : 'token', outputDim, heads, scale: keyDim ** -0.5 } as const;
  if (chunksOnTensorCores(keyDim, outputDim)) {
    const { states, corrections, final } = deltaStatesF16(deltaSystemsF16(system, decays), fromStart, start, length);
    return [chunkOutputsF16({ ...read, states, v: { operands: corrections } }, form), final];
  }
  const { states, corrections, final } = deltaStates(deltaSystems(system), fromStart, start, length);
  return [chunkOutputs({ ...read, states, v: corrections }, form), final];
}

export function deltaRuleGradient(
  { q, k, v, rate, logDecay, start }: Inputs,
  [dO, dLast]: readonly [dO: tf.Tensor4D, dLast: tf.Tensor4D],
) {
  const [, heads, length, valueDim] = v.shape;
  const keyDim = q.shape[3];
  const gates = logDecay ?? null;
  const fromStart = gates && chunkDecays(gates).fromStart;
  const products = chunkScores(k, k);
  const systems = deltaSystems({ k, v, rate, products, logDecay: gates });
  const { states, corrections, final: last } = deltaStates(systems, fromStart, start, length);
  const within = gates === null ? 'causal' : 'token';
  const common = { within, heads } as const;
  const scale = keyDim ** -0.5;

  const dCorrections = chunkOutputs(
    { q: null, factor: null, states: null, scores: chunkScores(q, k), v: dO, logDecay: gates },
    { ...common, outputDim: valueDim, transposedScores: true, scale },
  );
  const { dStates, dStart } = deltaStateGradients(systems, { q, fromStart, dO, dLast, dCorrections });
  const { r, dV } = deltaValueGradients({ dCorrections, rate, products, logDecay: gates });

  const outputScores = chunkScores(dO, corrections);
  const keyScores = chunkScores(r, corrections);
  const ofState = { factor: fromStart, states, v: k, logDecay: gates };
  const intoKeys = { ...common, outputDim: keyDim, transposedState: true };
  const dQ = chunkOutputs({ ...ofState, q: dO, scores: outputScores }, { ...intoKeys, scale });
  const reads = chunkOutputs({ ...ofState, q: r, scores: keyScores }, { ...intoKeys, strict: true });
  const written = { corrections, dStates, q, k, outputScores, keyScores, reads, rate, logDecay: gates };
  const dK = deltaKeyGradients(written);

  const decaying = gates && { q, dQ, dK, rate };
  const { dRate, dSum } = deltaScalarGradients({ k, reads, r, v, decaying });
  return {
    q: overSharing(dQ, q.shape[1]),
    k: overSharing(dK, k.shape[1]),
    v: dV,
    rate: dRate,
    start: dStart,
    ...(dSum && { logDecay: suffixSums(dSum, tf.sum(tf.mul(last, dLast), [2, 3])) }),
  };
}
