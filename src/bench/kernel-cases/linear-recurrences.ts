// The linear recurrences at the sizes of the 340M models, 8 texts of 4,096 tokens: one decay a head (RetNet, Mamba2), one a channel
// (GLA), the delta rule without and with decay. Forwards in f16, q, k and v are packed, as in a model that computes in f16.
import * as tf from '#tfjs';
import { packedAlone } from '../../kernels/webgpu/half-tensor.js';
import type { Precision } from '../../kernels/webgpu/precision.js';
import { decayedLinearAttention } from '../../ops/decayed-linear-attention.js';
import { deltaRule } from '../../ops/delta-rule.js';
import { gatedLinearAttention } from '../../ops/gated-linear-attention.js';
import { withoutFusedKernels } from '../../ops/op.js';
import type { KernelCase } from '../kernel-case.js';
import { relativeError } from '../kernel-inputs.js';
import { randomFloats } from '../random.js';

interface Size {
  readonly batch: number;
  /** Heads of q and k. */
  readonly groups: number;
  /** Heads of v. */
  readonly heads: number;
  readonly length: number;
  readonly keyDim: number;
  readonly valueDim: number;
}

type Recurrence = 'decayed' | 'gated' | 'delta' | 'gated-delta';
type Pass = 'forward' | 'gradient';

const call = { batch: 8, length: 4096 };
const RETNET: Size = { ...call, groups: 8, heads: 8, keyDim: 128, valueDim: 256 };
const MAMBA2: Size = { ...call, groups: 1, heads: 32, keyDim: 128, valueDim: 64 };
const GLA: Size = { ...call, groups: 4, heads: 4, keyDim: 128, valueDim: 256 };
const DELTA_NET: Size = { ...call, groups: 8, heads: 8, keyDim: 128, valueDim: 128 };
const GATED_DELTA_NET: Size = { ...call, groups: 6, heads: 6, keyDim: 128, valueDim: 256 };

export const cases: KernelCase[] = (['f32', 'f16'] as const).flatMap((precision) => [
  measure('decayed', RETNET, 'forward', precision),
  measure('decayed', RETNET, 'gradient', precision),
  measure('decayed', MAMBA2, 'forward', precision),
  measure('gated', GLA, 'forward', precision),
  measure('gated', GLA, 'gradient', precision),
  measure('delta', DELTA_NET, 'forward', precision),
  measure('delta', DELTA_NET, 'gradient', precision),
  measure('gated-delta', GATED_DELTA_NET, 'forward', precision),
  measure('gated-delta', GATED_DELTA_NET, 'gradient', precision),
]);

function measure(recurrence: Recurrence, size: Size, pass: Pass, precision: Precision): KernelCase {
  const { batch, groups, heads, length, keyDim, valueDim } = size;
  const tokens = batch * heads * length;
  // A chunk's scores, their sums and the state; for the delta rule also the keys' products, the systems and W S.
  const corrections = recurrence.endsWith('delta') ? 2 * keyDim * valueDim + 64 * (3 * keyDim + valueDim) : 0;
  const forward = tokens * (4 * keyDim * valueDim + 128 * (keyDim + valueDim) + corrections);
  const gates = tokens * (recurrence === 'gated' ? keyDim : recurrence === 'gated-delta' ? 2 : 1);
  const inputs = batch * groups * length * 2 * keyDim + tokens * valueDim + gates;
  return {
    kernel: `${recurrence}${pass === 'gradient' ? ' gradient' : ''}`,
    shape: `B${batch} T${length} N${groups}/${heads} Dk${keyDim} Dv${valueDim}`,
    precision,
    flops: pass === 'forward' ? forward : 3 * forward,
    bytes:
      pass === 'forward'
        ? (precision === 'f16' ? 2 : 4) * (inputs - gates) + 4 * (gates + tokens * valueDim)
        : 4 * (2 * inputs + tokens * valueDim),
    bound: 'memory',
    prepare: () => {
      const inputs = inputsOf(recurrence, size, pass === 'forward' && precision === 'f16');
      const dOutput = tensor([batch, heads, length, valueDim], 9, -1, 1);
      return {
        run: () => (pass === 'forward' ? [outputs(recurrence, inputs)] : gradients(recurrence, inputs, dOutput)),
        dispose: () => tf.dispose([Object.values(inputs), dOutput]),
      };
    },
    error: () => {
      const small = { ...size, batch: 1, groups: 1, heads: Math.min(2, heads / groups), length: 150 };
      return pass === 'forward' ? errorOf(recurrence, small) : gradientError(recurrence, small);
    },
  };
}

type Input = 'q' | 'k' | 'v' | 'logDecay' | 'rate';
/** Those that the recurrence has. */
type Inputs = Readonly<Partial<Record<Input, tf.Tensor>>>;

/** Keys of about unit length, decays of 0.9 to 1, rates of 0 to 1. */
function inputsOf(
  recurrence: Recurrence,
  { batch, groups, heads, length, keyDim, valueDim }: Size,
  packed = false,
): Inputs {
  const bound = Math.sqrt(3 / keyDim);
  const perChannel = recurrence === 'gated' ? [keyDim] : [];
  const held = (x: tf.Tensor) => (packed ? packedAlone(x) : x);
  return {
    q: held(tensor([batch, groups, length, keyDim], 1, -bound, bound)),
    k: held(tensor([batch, groups, length, keyDim], 2, -bound, bound)),
    v: held(tensor([batch, heads, length, valueDim], 3, -1, 1)),
    ...(recurrence === 'delta' ? {} : { logDecay: tensor([batch, heads, length, ...perChannel], 4, -0.1, 0) }),
    ...(recurrence.endsWith('delta') ? { rate: tensor([batch, heads, length], 5, 0, 1) } : {}),
  };
}

/** The output; the state after it is not kept. */
function outputs(recurrence: Recurrence, inputs: Inputs): tf.Tensor {
  const [q, k, v] = [inputs.q, inputs.k, inputs.v] as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
  const [logDecay, rate] = [inputs.logDecay, inputs.rate] as [tf.Tensor3D, tf.Tensor3D];
  return tf.tidy(() => {
    switch (recurrence) {
      case 'decayed':
        return decayedLinearAttention({ q, k, v, logDecay, state: null }).o;
      case 'gated':
        return gatedLinearAttention({ q, k, v, logDecay: inputs.logDecay as tf.Tensor4D, state: null }, 'keys').o;
      case 'delta':
        return deltaRule({ q, k, v, rate, logDecay: null, state: null }).o;
      case 'gated-delta':
        return deltaRule({ q, k, v, rate, logDecay, state: null }).o;
      default:
        return recurrence satisfies never;
    }
  });
}

function gradients(recurrence: Recurrence, inputs: Inputs, dOutput: tf.Tensor): tf.Tensor[] {
  const names = Object.keys(inputs);
  const attend = (...values: tf.Tensor[]) =>
    outputs(recurrence, Object.fromEntries(names.map((name, i) => [name, values[i]!])));
  return tf.tidy(() => tf.grads(attend)(Object.values(inputs), dOutput));
}

/** Uniform in [from, to). */
function tensor(shape: number[], seed: number, from: number, to: number): tf.Tensor {
  return tf.tensor(randomFloats(tf.util.sizeFromShape(shape), seed, from, to), shape);
}

/** Against the gradients of the composite form, in f32: the largest of the inputs'. */
async function gradientError(recurrence: Recurrence, size: Size): Promise<number> {
  const inputs = inputsOf(recurrence, size);
  const dOutput = tensor([size.batch, size.heads, size.length, size.valueDim], 9, -1, 1);
  const fused = gradients(recurrence, inputs, dOutput);
  const composite = withoutFusedKernels(() => gradients(recurrence, inputs, dOutput));
  const errors = await Promise.all(
    fused.map(async (gradient, i) => relativeError(await gradient.data(), await composite[i]!.data())),
  );
  tf.dispose([Object.values(inputs), dOutput, fused, composite]);
  return Math.max(...errors);
}

/** Against the recurrence, one token after the other in f64. */
async function errorOf(recurrence: Recurrence, size: Size): Promise<number> {
  const inputs = inputsOf(recurrence, size);
  const o = outputs(recurrence, inputs);
  const found = await o.data();
  const values: Partial<Record<Input, ArrayLike<number>>> = {};
  for (const [name, x] of Object.entries(inputs)) values[name as Input] = await x.data();
  tf.dispose([o, ...Object.values(inputs)]);
  return relativeError(found, byDefinition(recurrence, size, values));
}

/** One row of q and k, of which all heads read. */
function byDefinition(
  recurrence: Recurrence,
  { heads, length, keyDim, valueDim }: Size,
  { q, k, v, logDecay, rate }: Partial<Record<Input, ArrayLike<number>>>,
): Float64Array {
  const o = new Float64Array(heads * length * valueDim);
  for (let head = 0; head < heads; head++) {
    const state = new Float64Array(keyDim * valueDim);
    for (let t = 0; t < length; t++) {
      const token = head * length + t;
      const decay = (c: number) =>
        logDecay === undefined ? 1 : Math.exp(logDecay[recurrence === 'gated' ? token * keyDim + c : token]!);
      for (let d = 0; d < valueDim; d++) {
        let known = 0;
        for (let c = 0; c < keyDim; c++) {
          state[c * valueDim + d]! *= decay(c);
          known += state[c * valueDim + d]! * k![t * keyDim + c]!;
        }
        const value = v![token * valueDim + d]!;
        const written = rate === undefined ? value : rate[token]! * (value - known);
        let read = 0;
        for (let c = 0; c < keyDim; c++) {
          state[c * valueDim + d]! += k![t * keyDim + c]! * written;
          read += state[c * valueDim + d]! * q![t * keyDim + c]!;
        }
        o[token * valueDim + d] = rate === undefined ? read : read / Math.sqrt(keyDim);
      }
    }
  }
  return o;
}
