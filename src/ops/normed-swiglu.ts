// A block's MLP up to its last product: r = x + y, n = RMSNorm(r), silu(n G^T) * (n U^T). In one kernel but for the sum in a decoding
// step, and on tensor cores in two.
import * as tf from '#tfjs';
import { HalfTensor } from '../kernels/webgpu/half-tensor.js';
import { normedSwiGluStep } from '../kernels/webgpu/linear-step.js';
import { swiGluHalf } from '../kernels/webgpu/matmul.js';
import { usesTensorCores } from '../kernels/webgpu/precision.js';
import { isStepOf, linear, type Matrix } from './linear.js';
import { normedSum, type NormedSumInputs } from './normed-sum.js';
import { defineOp, registerFusedKernel } from './op.js';
import { rmsNorm, type RmsNormAttributes } from './rms-norm.js';
import { swiGlu } from './swiglu.js';

export interface NormedSwiGluAttributes extends RmsNormAttributes {
  /** [I, H] */
  readonly gate: Matrix;
  readonly up: Matrix;
}

/** -> x + y [..., H], and what follows from it [..., I] */
export function normedSwiGlu(
  inputs: NormedSumInputs,
  { gate, up, ...norm }: NormedSwiGluAttributes,
): [sum: tf.Tensor, activated: tf.Tensor] {
  const { x, y, weight } = inputs;
  if (!isStepOf(x, [gate, up])) {
    const [sum, normed] = normedSum(inputs, norm);
    return [sum, swiGluOfLinears(normed, gate, up, norm.packed ?? false)];
  }
  const sum = tf.add(x, y);
  const rows = tf.reshape(sum, [-1, x.shape.at(-1)!]);
  const activated = ofStep({ x: rows, weight }, { ...norm, gate, up });
  return [sum, tf.reshape(activated, [...x.shape.slice(0, -1), gate.shape[0]!])];
}

function swiGluOfLinears(x: tf.Tensor, gate: Matrix, up: Matrix, packed: boolean): tf.Tensor {
  if (!(gate instanceof HalfTensor) || !(up instanceof HalfTensor) || !packed || !usesTensorCores())
    return swiGlu({ gate: linear(x, gate), up: linear(x, up) }, { packed });
  const y = swiGluHalf(tf.reshape(x, [-1, x.shape.at(-1)!]), gate, up);
  return tf.reshape(y, [...x.shape.slice(0, -1), gate.shape[0]]);
}

const ofStep = defineOp<{ x: tf.Tensor; weight: tf.Tensor }, NormedSwiGluAttributes, tf.Tensor>({
  name: 'NormedSwiGluOfStep',
  reference: ({ x, weight }, { epsilon, gate, up }) => {
    const normed = rmsNorm({ x, weight }, { epsilon });
    return swiGlu({ gate: linear(normed, gate), up: linear(normed, up) }, {});
  },
});

registerFusedKernel(ofStep, 'webgpu', {
  forward: ({ x, weight }, { epsilon, gate, up }) => normedSwiGluStep(x as tf.Tensor2D, { weight, epsilon }, gate, up),
});
