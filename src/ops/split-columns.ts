// The columns of one projection that serves several purposes, as tensors of their own.
import * as tf from '#tfjs';
import { columnsOf, placeColumns } from '../kernels/webgpu/columns.js';
import { uninitialised } from '../kernels/webgpu/runner.js';
import { defineOp, registerFusedKernel } from './op.js';

/** x [..., C], sizes that add up to C -> [..., size] each */
export function splitColumns<R extends tf.Rank>(x: tf.Tensor<R>, sizes: readonly number[]): tf.Tensor<R>[] {
  return splitColumnsOp({ x }, sizes) as tf.Tensor<R>[];
}

const splitColumnsOp = defineOp<{ x: tf.Tensor }, readonly number[], tf.Tensor[]>({
  name: 'SplitColumns',
  reference: ({ x }, sizes) => tf.split(x, [...sizes], x.rank - 1),
});

registerFusedKernel(splitColumnsOp, 'webgpu', {
  forward: ({ x }, sizes) => startsOf(sizes).map((start, i) => columnsOf(x, start, sizes[i]!)),
  gradient: ({ x }, sizes, dPieces) => {
    const dX = uninitialised(x.shape);
    startsOf(sizes).forEach((start, i) => placeColumns(dPieces[i]!, dX, start));
    return { x: dX };
  },
});

function startsOf(sizes: readonly number[]): number[] {
  let end = 0;
  return sizes.map((size) => (end += size) - size);
}
