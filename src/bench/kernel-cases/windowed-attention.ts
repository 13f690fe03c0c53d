// Windowed attention at the sizes of the 340M models: 16 heads of 64, 32,768 tokens a call, and one token of a text. Forwards in f16 its
// tensors are packed, as in a model that computes in f16.
import * as tf from '#tfjs';
import { packedAlone } from '../../kernels/webgpu/half-tensor.js';
import type { Precision } from '../../kernels/webgpu/precision.js';
import {
  fusedAttention,
  fusedAttentionGradient,
  type AttentionSettings,
} from '../../kernels/webgpu/windowed-attention.js';
import type { KernelCase } from '../kernel-case.js';
import { relativeError } from '../kernel-inputs.js';
import { randomFloats } from '../random.js';

interface Size {
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly queries: number;
  readonly keys: number;
  readonly dim: number;
  readonly window: number | null;
}

interface Setting {
  readonly pass: 'forward' | 'gradient' | 'decode';
  readonly activation: 'sigmoid' | 'softmax';
  readonly precision: Precision;
}

const LONG: Size = { batch: 4, heads: 16, kvHeads: 16, queries: 8192, keys: 8192, dim: 64, window: 1024 };
const FULL: Size = { ...LONG, window: null };
const GROUPED: Size = { ...LONG, kvHeads: 4 };
const TOKEN: Size = { batch: 1, heads: 16, kvHeads: 16, queries: 1, keys: 1024, dim: 64, window: 1024 };
const TOKEN_OF_MANY: Size = { ...TOKEN, keys: 65536, window: null };

export const cases: KernelCase[] = [
  measure(LONG, { pass: 'forward', activation: 'sigmoid', precision: 'f32' }),
  measure(LONG, { pass: 'forward', activation: 'sigmoid', precision: 'f16' }),
  measure(LONG, { pass: 'forward', activation: 'softmax', precision: 'f16' }),
  measure(FULL, { pass: 'forward', activation: 'softmax', precision: 'f16' }),
  measure(GROUPED, { pass: 'forward', activation: 'sigmoid', precision: 'f16' }),
  measure(LONG, { pass: 'gradient', activation: 'sigmoid', precision: 'f32' }),
  measure(LONG, { pass: 'gradient', activation: 'sigmoid', precision: 'f16' }),
  measure(LONG, { pass: 'gradient', activation: 'softmax', precision: 'f16' }),
  measure(GROUPED, { pass: 'gradient', activation: 'sigmoid', precision: 'f16' }),
  measure(TOKEN, { pass: 'decode', activation: 'sigmoid', precision: 'f32' }),
  measure(TOKEN_OF_MANY, { pass: 'decode', activation: 'softmax', precision: 'f32' }),
];

function measure(size: Size, setting: Setting): KernelCase {
  const { batch, heads, kvHeads, queries, keys, dim, window } = size;
  const { pass, activation, precision } = setting;
  const queryElements = batch * heads * queries * dim;
  const keyElements = batch * kvHeads * keys * dim;
  const gradient = pass === 'gradient';
  return {
    kernel: pass === 'forward' ? 'windowed-attention' : `windowed-attention ${pass}`,
    shape: `B${batch} T${queries} S${keys} N${heads}/${kvHeads} D${dim} window ${window ?? 'full'} ${activation}`,
    precision,
    flops: (gradient ? 10 : 4) * dim * batch * heads * pairsInReach(size),
    bytes: gradient
      ? 4 * (3 * queryElements + 4 * keyElements)
      : (precision === 'f16' ? 2 : 4) * 2 * (queryElements + keyElements),
    bound: pass === 'decode' ? 'memory' : 'arithmetic',
    prepare: () => {
      const tensors = randomTensors(size, setting);
      return {
        run: () =>
          gradient ? gradientsOf(tensors, { window, activation }) : [fusedAttention(tensors, { window, activation })],
        dispose: () => tf.dispose(Object.values(tensors)),
      };
    },
    error: () => largestError(size, setting),
  };
}

function pairsInReach({ queries, keys, window }: Size): number {
  let pairs = 0;
  for (let t = 0; t < queries; t++) pairs += Math.min(window ?? Infinity, keys - queries + t + 1);
  return pairs;
}

function randomTensors({ batch, heads, kvHeads, queries, keys, dim }: Size, { pass, precision }: Setting) {
  const tensor = (shape: [number, number, number, number], seed: number) =>
    tf.tidy(() => {
      const x = tokensFirst(tf.tensor4d(randomValues(shape, seed), shape));
      return pass === 'forward' && precision === 'f16' ? packedAlone(x) : x;
    });
  return {
    q: tensor([batch, heads, queries, dim], 1),
    k: tensor([batch, kvHeads, keys, dim], 2),
    v: tensor([batch, kvHeads, keys, dim], 3),
    dO: tensor([batch, heads, queries, dim], 4),
    slopes: tf.tensor1d(slopesOf(heads)),
  };
}

/** [B, N, T, D], in which the formula is written out, <-> [B, T, N, D]. */
function tokensFirst(x: tf.Tensor4D): tf.Tensor4D {
  return tf.transpose(x, [0, 2, 1, 3]);
}

/** Uniform, of variance one. */
function randomValues(shape: readonly number[], seed: number): Float32Array {
  return randomFloats(tf.util.sizeFromShape([...shape]), seed, -Math.sqrt(3), Math.sqrt(3));
}

/** Balanced ALiBi: one half of the heads favours what is near, one half what is far. */
function slopesOf(heads: number): number[] {
  return Array.from({ length: heads }, (_, n) => (n % 2 === 0 ? -1 : 1) * 2 ** ((-8 * (n + 1)) / heads));
}

/** At a small ragged size with the same head and group. */
async function largestError({ heads, kvHeads, dim, window }: Size, setting: Setting): Promise<number> {
  const { pass, activation } = setting;
  const group = heads / kvHeads;
  const size = {
    ...{ batch: 2, heads: 2 * group, kvHeads: 2, dim },
    ...{ queries: pass === 'decode' ? 1 : 203, keys: 211, window: window === null ? null : 70 },
  };
  const tensors = randomTensors(size, setting);
  const outputs =
    pass === 'gradient'
      ? gradientsOf(tensors, { window: size.window, activation })
      : [fusedAttention(tensors, { window: size.window, activation })];
  const wanted = byDefinition(size, activation);
  const errors = await Promise.all(
    outputs.map(async (tensor, i) =>
      relativeError(await tokensFirst(tensor as tf.Tensor4D).data(), wanted[pass === 'gradient' ? i + 1 : i]!),
    ),
  );
  tf.dispose([...Object.values(tensors), ...outputs]);
  return Math.max(...errors);
}

/** dq, dk, dv */
function gradientsOf(tensors: ReturnType<typeof randomTensors>, settings: AttentionSettings): tf.Tensor[] {
  const { q, k, v } = fusedAttentionGradient(tensors, settings, tensors.dO);
  return [q, k, v];
}

/** o and the gradients of q, k, v in f64, one row of logits at a time, of the values that `randomTensors` has. */
function byDefinition(size: Size, activation: 'sigmoid' | 'softmax'): Float64Array[] {
  const { batch, heads, kvHeads, queries, keys, dim, window } = size;
  const queryShape = [batch, heads, queries, dim];
  const keyShape = [batch, kvHeads, keys, dim];
  const [qs, dOs] = [randomValues(queryShape, 1), randomValues(queryShape, 4)];
  const [ks, vs] = [randomValues(keyShape, 2), randomValues(keyShape, 3)];
  const [o, q] = [new Float64Array(qs.length), new Float64Array(qs.length)];
  const [k, v] = [new Float64Array(ks.length), new Float64Array(ks.length)];
  const slopes = Float32Array.from(slopesOf(heads));
  const dot = (x: Float32Array, i: number, y: Float32Array, j: number) => {
    let sum = 0;
    for (let d = 0; d < dim; d++) sum += x[i + d]! * y[j + d]!;
    return sum;
  };
  const add = (to: Float64Array, i: number, factor: number, x: Float32Array, j: number) => {
    for (let d = 0; d < dim; d++) to[i + d]! += factor * x[j + d]!;
  };
  for (let row = 0; row < batch * heads * queries; row++) {
    const head = Math.floor(row / queries);
    const kvHead = Math.floor(head / heads) * kvHeads + Math.floor(((head % heads) * kvHeads) / heads);
    const position = (row % queries) + keys - queries;
    const first = Math.max(0, position + 1 - (window ?? Infinity));
    const at = Array.from({ length: position + 1 - first }, (_, i) => (kvHead * keys + first + i) * dim);
    const logits = at.map(
      (key, i) => dot(qs, row * dim, ks, key) / Math.sqrt(dim) + slopes[head % heads]! * (position - first - i),
    );
    const weights = logits.map((x) => (activation === 'sigmoid' ? 1 / (1 + Math.exp(-x)) : Math.exp(x)));
    if (activation === 'softmax') {
      const total = weights.reduce((a, b) => a + b);
      weights.forEach((weight, i) => (weights[i] = weight / total));
    }
    const dWeights = at.map((key) => dot(dOs, row * dim, vs, key));
    const mean = weights.reduce((sum, weight, i) => sum + weight * dWeights[i]!, 0);
    at.forEach((key, i) => {
      const weight = weights[i]!;
      const dLogit = weight * (activation === 'sigmoid' ? (1 - weight) * dWeights[i]! : dWeights[i]! - mean);
      add(o, row * dim, weight, vs, key);
      add(q, row * dim, dLogit / Math.sqrt(dim), ks, key);
      add(k, key, dLogit / Math.sqrt(dim), qs, row * dim);
      add(v, key, weight, dOs, row * dim);
    });
  }
  return [o, q, k, v];
}
