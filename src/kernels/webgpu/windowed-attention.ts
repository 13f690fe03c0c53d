// Windowed attention on WebGPU: which kernel runs, and with what. Few queries go through the decode kernels, all others through
// the tiled ones, which use tensor cores where the model computes in f16. The head size and the number of queries choose,
// never the batch, so that a row's result does not depend on its company.
import type * as tf from '#tfjs';
import { attentionDecode, attentionJoin, decodeParts, JOIN_THREADS } from './attention-decode.js';
import { attentionForward } from './attention-forward.js';
import { attentionForwardF16 } from './attention-forward-f16.js';
import { attentionKeyValueGradient } from './attention-key-value-gradient.js';
import { attentionKeyValueGradientF16 } from './attention-key-value-gradient-f16.js';
import { attentionQueryGradient } from './attention-query-gradient.js';
import { attentionQueryGradientF16 } from './attention-query-gradient-f16.js';
import { forwardTiling, gradientTiling } from './attention-rows.js';
import { sizesOf } from './attention-sizes.js';
import type {
  Activation,
  AttentionConstants,
  AttentionPacking,
  AttentionTensors,
  Epilogue,
} from './attention-sizes.js';
import {
  ATTENTION_MEMORY,
  fitsTensorCores,
  forwardTiling as forwardTilingF16,
  gradientTiling as gradientTilingF16,
} from './attention-tensor-cores.js';
import { packedOf } from './half-tensor.js';
import { usesTensorCores } from './precision.js';
import { deviceBackend, run, type Program } from './runner.js';

export interface AttentionSettings {
  /** Keys in reach, self included; null = all before. */
  readonly window: number | null;
  readonly activation: Activation;
}

export interface AttentionGradients {
  readonly q: tf.Tensor;
  readonly k: tf.Tensor;
  readonly v: tf.Tensor;
}

/** The kernels of one precision and the rows that a workgroup of theirs has. */
export interface AttentionKernels {
  readonly forward: (constants: AttentionConstants, epilogue: Epilogue, packing?: AttentionPacking) => Program;
  readonly queryGradient: (constants: AttentionConstants) => Program;
  readonly keyValueGradient: (constants: AttentionConstants) => Program;
  readonly forwardRows: (constants: AttentionConstants) => number;
  readonly gradientRows: (constants: AttentionConstants) => number;
  /** The forward kernel reads and writes packed elements. */
  readonly packs: boolean;
}

/** Queries that are few: each by itself, with its keys split over workgroups. */
const FEW_QUERIES = 8;
const LARGEST_DECODED_HEAD = 128;

export const F32_KERNELS: AttentionKernels = {
  forward: attentionForward,
  queryGradient: attentionQueryGradient,
  keyValueGradient: attentionKeyValueGradient,
  forwardRows: ({ dim }) => forwardTiling(dim)!.rows,
  gradientRows: ({ dim }) => gradientTiling(dim)!.rows,
  packs: false,
};

export const F16_KERNELS: AttentionKernels = {
  forward: attentionForwardF16,
  queryGradient: attentionQueryGradientF16,
  keyValueGradient: attentionKeyValueGradientF16,
  forwardRows: (constants) => forwardTilingF16(constants).rows,
  gradientRows: (constants) => gradientTilingF16(constants).rows,
  packs: true,
};

/** Whether there are kernels for heads of this size. */
export function hasAttentionKernels(dim: number): boolean {
  return dim % 4 === 0 && forwardTiling(dim) !== null && gradientTiling(dim) !== null;
}

/** -> o [B, T, N, D] */
export function fusedAttention(tensors: AttentionTensors, settings: AttentionSettings): tf.Tensor4D {
  const [, queries, , dim] = tensors.q.shape;
  if (queries <= FEW_QUERIES && dim <= LARGEST_DECODED_HEAD) return decode(tensors, settings);
  return forwardWith(kernelsFor(dim), tensors, settings);
}

/** -> dq, dk, dv in the shapes of q, k, v */
export function fusedAttentionGradient(
  tensors: AttentionTensors,
  settings: AttentionSettings,
  dO: tf.Tensor,
): AttentionGradients {
  return gradientWith(kernelsFor(tensors.q.shape[3]), tensors, settings, dO);
}

function kernelsFor(dim: number): AttentionKernels {
  const fits =
    fitsTensorCores(dim) &&
    usesTensorCores() &&
    deviceBackend().device.limits.maxComputeWorkgroupStorageSize >= ATTENTION_MEMORY;
  return fits ? F16_KERNELS : F32_KERNELS;
}

/** The tiled forward pass; `record` runs a kernel, which the tests do in their own way. */
export function forwardWith(
  kernels: AttentionKernels,
  { q, k, v, slopes }: AttentionTensors,
  { window, activation }: AttentionSettings,
  record = run,
): tf.Tensor4D {
  const [batch, queries, heads, dim] = q.shape;
  const [words, ...keyWords] = kernels.packs ? [q, k, v].map(packedOf) : [];
  const packing = { queries: words !== undefined, keys: keyWords.every((x) => x !== undefined) && kernels.packs };
  const [o] = record({
    program: kernels.forward({ dim, activation }, 'output', packing),
    inputs: [words ?? q, ...(packing.keys ? (keyWords as tf.Tensor[]) : [k, v]), slopes],
    outputs: [{ shape: q.shape, packed: packing.queries }],
    uniforms: sizesOf({ q, k }, window),
    workgroups: [Math.ceil(queries / kernels.forwardRows({ dim, activation })), heads, batch],
  });
  return o as tf.Tensor4D;
}

/** The tiled gradients. For softmax the forward pass is done again for its statistics, which the tape does not keep. */
export function gradientWith(
  kernels: AttentionKernels,
  { q, k, v, slopes }: AttentionTensors,
  { window, activation }: AttentionSettings,
  dO: tf.Tensor,
  record = run,
): AttentionGradients {
  const [batch, queries, heads, dim] = q.shape;
  const [, keys, kvHeads] = k.shape;
  const constants = { dim, activation };
  const uniforms = sizesOf({ q, k }, window);
  const inputs = [q, k, v, slopes, dO];
  const rows = kernels.gradientRows(constants);
  const [statistics] =
    activation === 'sigmoid'
      ? []
      : record({
          program: kernels.forward(constants, 'statistics'),
          inputs,
          outputs: [{ shape: [batch, heads, queries, 2] }],
          uniforms,
          workgroups: [Math.ceil(queries / kernels.forwardRows(constants)), heads, batch],
        });
  if (statistics !== undefined) inputs.push(statistics as tf.Tensor4D);
  const [dQ] = record({
    program: kernels.queryGradient(constants),
    inputs,
    outputs: [{ shape: q.shape }],
    uniforms,
    workgroups: [Math.ceil(queries / rows), heads, batch],
  });
  const [dK, dV] = record({
    program: kernels.keyValueGradient(constants),
    inputs,
    outputs: [{ shape: k.shape }, { shape: v.shape }],
    uniforms,
    workgroups: [Math.ceil(keys / rows), kvHeads, batch],
  });
  statistics?.dispose();
  return { q: dQ, k: dK, v: dV };
}

function decode({ q, k, v, slopes }: AttentionTensors, { window, activation }: AttentionSettings): tf.Tensor4D {
  const [batch, queries, heads, dim] = q.shape;
  const constants = { dim, activation };
  const keys = k.shape[1];
  const parts = decodeParts(Math.min(window ?? keys, keys));
  const rows = batch * heads * queries;
  const uniforms = sizesOf({ q, k }, window);
  const sums = { shape: [rows, parts, dim] };
  const inParts = run({
    program: attentionDecode(constants),
    inputs: [q, k, v, slopes],
    outputs: activation === 'softmax' ? [sums, { shape: [rows, parts, 2] }] : [sums],
    uniforms,
    workgroups: [parts, heads * queries, batch],
  });
  const [o] = run({
    program: attentionJoin(constants),
    inputs: inParts,
    outputs: [{ shape: q.shape }],
    uniforms,
    workgroups: [Math.ceil((queries * dim) / 4 / JOIN_THREADS), heads, batch],
  });
  for (const tensor of inParts) tensor.dispose();
  return o as tf.Tensor4D;
}
