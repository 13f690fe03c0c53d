// y = x W^T (+ b), with W as checkpoints store it.
import * as tf from '#tfjs';
import { HalfTensor, toHalf } from '../kernels/webgpu/half-tensor.js';
import { isStep, linearHalf, linearStep, matMulHalf, multipliesInHalf } from '../kernels/webgpu/matmul.js';
import type { MatMulOptions } from '../kernels/webgpu/matmul.js';
import { defineOp, registerFusedKernel } from './op.js';

/** A weight [outputs, inputs]: f32, or packed f16 in a model that only computes forwards. */
export type Matrix = tf.Tensor | HalfTensor;

/** x [..., I], weight [O, I], bias [O] -> [..., O] */
export function linear<R extends tf.Rank>(x: tf.Tensor<R>, weight: Matrix, bias?: tf.Tensor): tf.Tensor<R> {
  const [outputs, inputs] = weight.shape as readonly [number, number];
  const rows = tf.reshape(x, [-1, inputs]) as tf.Tensor2D;
  const flat = multiply(rows, weight, isDecoding(x));
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
  if (!(weight instanceof HalfTensor) || bias !== undefined || isDecoding(x))
    return tf.add(residual, linear(x, weight, bias));
  const [outputs, inputs] = weight.shape;
  const rows = tf.reshape(x, [-1, inputs]) as tf.Tensor2D;
  return tf.reshape(linearHalf(rows, weight, tf.reshape(residual, [-1, outputs])), residual.shape);
}

/** `linear` for rows [R, I] that are no decoding step, however few: their products must not depend on how many there are. */
export function linearRows(x: tf.Tensor2D, weight: Matrix): tf.Tensor2D {
  return multiply(x, weight, false);
}

/** The step form has one token a row, [B, I] or [B, 1, I]; a weight is then read once, however few the rows. */
function isDecoding(x: tf.Tensor): boolean {
  return x.rank === 2 || x.shape.at(-2) === 1;
}

function multiply(x: tf.Tensor2D, weight: Matrix, decoding: boolean): tf.Tensor2D {
  if (!(weight instanceof HalfTensor)) return product({ x, weight: weight as tf.Tensor2D }, { decoding });
  return decoding && isStep(x.shape[0], weight.shape) ? linearStep(x, weight) : linearHalf(x, weight);
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
    x: inAskedPrecision(dy, weight),
    weight: inAskedPrecision(dy, x, { transposeA: true }),
  }),
});

/** Products with this weight in the current scope pack it to f16 once, where they are f16 products. */
export function convertedOnce(weight: Matrix): void {
  if (!(weight instanceof HalfTensor) && multipliesInHalf(weight.shape)) toHalf(weight);
}

/** A product of f32 matrices on webgpu, in f16 where that was asked for and their shapes allow it. */
export function inAskedPrecision(a: tf.Tensor2D, b: tf.Tensor2D, options: MatMulOptions = {}): tf.Tensor2D {
  if (multipliesInHalf(a.shape, b.shape)) return matMulHalf(a, b, options);
  return tf.matMul(a, b, options.transposeA, options.transposeB);
}
