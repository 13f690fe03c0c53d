// What a layer multiplies in a decoding step, where few rows meet each weight: matvec.ts on tensors.
import type * as tf from '#tfjs';
import { HalfTensor, HALVES_PER_VECTOR } from './half-tensor.js';
import {
  matVecPlusProgram,
  matVecProgram,
  matVecSwiGluProgram,
  MOST_ROWS,
  ROWS_PER_WORKGROUP,
  type Products,
} from './matvec.js';
import { f32, run } from './runner.js';

type Weight = tf.Tensor | HalfTensor;

/** Whether a step of so few rows has kernels for a weight of this shape. */
export function isStep(rows: number, weightShape: readonly number[]): boolean {
  return rows <= MOST_ROWS && weightShape[1]! % HALVES_PER_VECTOR === 0;
}

/** x [rows, K] times the weight [N, K] -> [rows, N]. */
export function linearStep(x: tf.Tensor2D, weight: Weight): tf.Tensor2D {
  return linearsStep(x, [weight])[0]!;
}

/** The same for up to three weights, all packed or none: products of their own, or one with them side by side. */
export function linearsStep(x: tf.Tensor2D, weights: readonly Weight[], products: Products = 'apart'): tf.Tensor2D[] {
  const [rows, k] = x.shape;
  const sizes = weights.map(({ shape }) => shape[0]!);
  const total = sizes.reduce((sum, n) => sum + n, 0);
  return run({
    program: matVecProgram({ rows, half: arePacked(weights) }, weights.length, products),
    inputs: [x, ...weights.map(elements)],
    outputs: products === 'joined' ? [{ shape: [rows, total] }] : sizes.map((n) => ({ shape: [rows, n] })),
    uniforms: [k, ...sizes],
    workgroups: [sizes.reduce((sum, n) => sum + workgroupsOf(rows, n), 0)],
  }) as readonly tf.Tensor[] as tf.Tensor2D[];
}

/** residual [rows, N] + x W^T */
export function linearPlusStep(residual: tf.Tensor2D, x: tf.Tensor2D, weight: Weight): tf.Tensor2D {
  const [rows, k] = x.shape;
  const n = weight.shape[0]!;
  const [y] = run({
    program: matVecPlusProgram({ rows, half: arePacked([weight]) }),
    inputs: [x, elements(weight), residual],
    outputs: [{ shape: [rows, n] }],
    uniforms: [k, n],
    workgroups: [workgroupsOf(rows, n)],
  });
  return y as tf.Tensor2D;
}

/** silu(n gate^T) * (n up^T), n the RMS norm of x [rows, K] with its weight [K] -> [rows, N] */
export function normedSwiGluStep(
  x: tf.Tensor2D,
  norm: { readonly weight: tf.Tensor; readonly epsilon: number },
  gate: Weight,
  up: Weight,
): tf.Tensor2D {
  const [rows, k] = x.shape;
  const n = gate.shape[0]!;
  const [y] = run({
    program: matVecSwiGluProgram({ rows, half: arePacked([gate, up]) }),
    inputs: [x, norm.weight, elements(gate), elements(up)],
    outputs: [{ shape: [rows, n] }],
    uniforms: [k, n, f32(norm.epsilon)],
    workgroups: [workgroupsOf(rows, n)],
  });
  return y as tf.Tensor2D;
}

function workgroupsOf(rows: number, n: number): number {
  return rows === 0 ? 0 : Math.ceil(n / ROWS_PER_WORKGROUP);
}

function arePacked(weights: readonly Weight[]): boolean {
  return weights.every((weight) => weight instanceof HalfTensor);
}

function elements(weight: Weight): tf.Tensor {
  return weight instanceof HalfTensor ? weight.words : weight;
}
