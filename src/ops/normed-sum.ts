// What goes on in a block and what its next half reads: r = x + y and RMSNorm(r), in one kernel where nothing is differentiated.
import * as tf from '#tfjs';
import { rmsNormOfSum } from '../kernels/webgpu/row-norms.js';
import { defineOp, isDifferentiated, registerFusedKernel } from './op.js';
import { rmsNorm, type RmsNormAttributes } from './rms-norm.js';

export interface NormedSumInputs extends Record<string, tf.Tensor> {
  /** [..., H] */
  x: tf.Tensor;
  y: tf.Tensor;
  /** [H] */
  weight: tf.Tensor;
}

/** -> x + y, and its norm */
export function normedSum(inputs: NormedSumInputs, attributes: RmsNormAttributes): [sum: tf.Tensor, normed: tf.Tensor] {
  return (isDifferentiated() ? composed(inputs, attributes) : inOneKernel(inputs, attributes)) as [
    tf.Tensor,
    tf.Tensor,
  ];
}

function composed({ x, y, weight }: NormedSumInputs, attributes: RmsNormAttributes): tf.Tensor[] {
  const sum = tf.add(x, y);
  return [sum, rmsNorm({ x: sum, weight }, attributes)];
}

const inOneKernel = defineOp<NormedSumInputs, RmsNormAttributes, tf.Tensor[]>({
  name: 'NormedSum',
  reference: composed,
});

registerFusedKernel(inOneKernel, 'webgpu', {
  forward: ({ x, y, weight }, { epsilon, packed = false }) => [...rmsNormOfSum({ x, y, weight }, epsilon, packed)],
});
