// y = x W^T (+ b), with W as checkpoints store it.
import * as tf from '#tfjs';
import { HalfTensor, toHalf } from '../kernels/webgpu/half-tensor.js';
import { isStep, linearPlusStep, linearsStep, linearStep } from '../kernels/webgpu/linear-step.js';
import { linearHalf, matMulF32, matMulHalf, multipliesInHalf } from '../kernels/webgpu/matmul.js';
import { MOST_WEIGHTS } from '../kernels/webgpu/matvec.js';
import type { MatMulOptions } from '../kernels/webgpu/matmul.js';
import { defineOp, isDifferentiated, registerFusedKernel } from './op.js';

/** A weight [outputs, inputs]: f32, or packed f16 in a model that only computes forwards. */
export type Matrix = tf.Tensor | HalfTensor;

/** How a product of packed rows and a packed weight is held: in f16 as they are, or in f32, for what amplifies a rounding. */
export type HeldProduct = 'as x' | 'f32';

/** x [..., I], weight [O, I], bias [O] -> [..., O] */
export function linear<R extends tf.Rank>(
  x: tf.Tensor<R>,
  weight: Matrix,
  bias?: tf.Tensor,
  held: HeldProduct = 'as x',
): tf.Tensor<R> {
  const [outputs, inputs] = weight.shape as readonly [number, number];
  const rows = tf.reshape(x, [-1, inputs]) as tf.Tensor2D;
  const flat = multiply(rows, weight, isDecoding(x), held);
  const y = bias === undefined ? flat : tf.add(flat, bias);
  return tf.reshape<tf.Rank>(y, [...x.shape.slice(0, -1), outputs]) as tf.Tensor<R>;
}

/** residual + x W^T, in one kernel where the weight is packed. x [..., I], residual [..., O] */
export function linearPlus<R extends tf.Rank>(
  residual: tf.Tensor<R>,
  x: tf.Tensor,
  weight: Matrix,
  bias?: tf.Tensor,
): tf.Tensor<R> {
  const [outputs, inputs] = weight.shape as readonly [number, number];
  const rows = () => tf.reshape(x, [-1, inputs]) as tf.Tensor2D;
  const sums = () => tf.reshape(residual, [-1, outputs]) as tf.Tensor2D;
  if (bias === undefined && isStepOf(x, [weight]))
    return tf.reshape(plusStep({ x: rows(), residual: sums() }, { weight }), residual.shape);
  if (!(weight instanceof HalfTensor) || bias !== undefined || isDecoding(x))
    return tf.add(residual, linear(x, weight, bias));
  return tf.reshape(linearHalf(rows(), weight, { residual: sums() }), residual.shape);
}

/** x W^T for each of the weights, in one kernel in a decoding step. */
export function linears<R extends tf.Rank>(
  x: tf.Tensor<R>,
  weights: readonly Matrix[],
  held: readonly HeldProduct[] = [],
): tf.Tensor<R>[] {
  if (weights.length > MOST_WEIGHTS || !isStepOf(x, weights))
    return weights.map((weight, i) => linear(x, weight, undefined, held[i]));
  const products = linearsOfStep({ x: tf.reshape(x, [-1, x.shape.at(-1)!]) as tf.Tensor2D }, { weights });
  return products.map((y) => tf.reshape<tf.Rank>(y, [...x.shape.slice(0, -1), y.shape[1]!]) as tf.Tensor<R>);
}

/** x [B, I] times each of the weights, the products side by side: [B, sum of O]. */
export function linearsJoined(x: tf.Tensor2D, weights: readonly Matrix[]): tf.Tensor2D {
  if (weights.length > MOST_WEIGHTS || !isStepOf(x, weights)) return joined(x, weights);
  return joinedOfStep({ x }, { weights });
}

function joined(x: tf.Tensor2D, weights: readonly Matrix[]): tf.Tensor2D {
  return tf.concat(
    weights.map((weight) => linear(x, weight)),
    1,
  );
}

/** Whether x is the input of a decoding step that has kernels for these weights, which are all packed or none, and is not differentiated. */
export function isStepOf(x: tf.Tensor, weights: readonly Matrix[]): boolean {
  if (tf.getBackend() !== 'webgpu' || !isDecoding(x) || isDifferentiated()) return false;
  const rows = x.size / x.shape.at(-1)!;
  const half = weights[0] instanceof HalfTensor;
  return weights.every((weight) => isStep(rows, weight.shape) && weight instanceof HalfTensor === half);
}

/** `linear` for rows [R, I] that are no decoding step, however few: their products must not depend on how many there are. */
export function linearRows(x: tf.Tensor2D, weight: Matrix): tf.Tensor2D {
  return multiply(x, weight, false, 'f32');
}

/** The step form has one token a row, [B, I] or [B, 1, I]; a weight is then read once, however few the rows. */
function isDecoding(x: tf.Tensor): boolean {
  return x.rank === 2 || x.shape.at(-2) === 1;
}

function multiply(x: tf.Tensor2D, weight: Matrix, decoding: boolean, held: HeldProduct): tf.Tensor2D {
  if (!(weight instanceof HalfTensor)) return product({ x, weight: weight as tf.Tensor2D }, { decoding });
  if (decoding && isStep(x.shape[0], weight.shape)) return linearStep(x, weight);
  return linearHalf(x, weight, held === 'f32' ? { packed: false } : {});
}

/** x [R, I], weight [O, I] -> [R, O] */
const product = defineOp<{ x: tf.Tensor2D; weight: tf.Tensor2D }, { decoding: boolean }, tf.Tensor2D>({
  name: 'Linear',
  reference: ({ x, weight }) => tf.matMul(x, weight, false, true),
});

registerFusedKernel(product, 'webgpu', {
  forward: ({ x, weight }, { decoding }) =>
    decoding && isStep(x.shape[0], weight.shape)
      ? linearStep(x, weight)
      : inAskedPrecision(x, weight, { transposeB: true }),
  gradient: ({ x, weight }, _, dy) => ({
    x: inAskedPrecision(dy, weight, { inParts: true }),
    weight: inAskedPrecision(dy, x, { transposeA: true, inParts: true }),
  }),
});

const linearsOfStep = defineOp<{ x: tf.Tensor2D }, { weights: readonly Matrix[] }, tf.Tensor[]>({
  name: 'LinearsOfStep',
  reference: ({ x }, { weights }) => weights.map((weight) => linear(x, weight)),
});

registerFusedKernel(linearsOfStep, 'webgpu', { forward: ({ x }, { weights }) => linearsStep(x, weights) });

const joinedOfStep = defineOp<{ x: tf.Tensor2D }, { weights: readonly Matrix[] }, tf.Tensor2D>({
  name: 'LinearsJoinedOfStep',
  reference: ({ x }, { weights }) => joined(x, weights),
});

registerFusedKernel(joinedOfStep, 'webgpu', {
  forward: ({ x }, { weights }) => linearsStep(x, weights, 'joined')[0]!,
});

const plusStep = defineOp<{ x: tf.Tensor2D; residual: tf.Tensor2D }, { weight: Matrix }, tf.Tensor2D>({
  name: 'LinearPlusOfStep',
  reference: ({ x, residual }, { weight }) => tf.add(residual, linear(x, weight)),
});

registerFusedKernel(plusStep, 'webgpu', {
  forward: ({ x, residual }, { weight }) => linearPlusStep(residual, x, weight),
});

/** Products with this weight in the current scope pack it to f16 once, where they are f16 products. */
export function convertedOnce(weight: Matrix): void {
  if (!(weight instanceof HalfTensor) && multipliesInHalf(weight.shape)) toHalf(weight);
}

/** A product of f32 matrices on webgpu, in f16 where that was asked for and their shapes allow it. */
export function inAskedPrecision(a: tf.Tensor2D, b: tf.Tensor2D, options: MatMulOptions = {}): tf.Tensor2D {
  if (multipliesInHalf(a.shape, b.shape)) return matMulHalf(a, b, options);
  return matMulF32(a, b, options) as tf.Tensor2D;
}
