// The first half of a block's MLP: silu(n G^T) * (n U^T) with n = RMSNorm(x), in one kernel in a decoding step.
import * as tf from '#tfjs';
import { normedSwiGluStep } from '../kernels/webgpu/linear-step.js';
import { isStepOf, linear, type Matrix } from './linear.js';
import { defineOp, registerFusedKernel } from './op.js';
import { rmsNorm } from './rms-norm.js';
import { swiGlu } from './swiglu.js';

export interface NormedSwiGluInputs extends Record<string, tf.Tensor> {
  /** [..., H] */
  x: tf.Tensor;
  /** Of the norm, [H]. */
  weight: tf.Tensor;
}

export interface NormedSwiGluAttributes {
  readonly epsilon: number;
  /** [I, H] */
  readonly gate: Matrix;
  readonly up: Matrix;
}

/** -> [..., I] */
export function normedSwiGlu(inputs: NormedSwiGluInputs, attributes: NormedSwiGluAttributes): tf.Tensor {
  const { x, weight } = inputs;
  if (!isStepOf(x, [attributes.gate, attributes.up])) return composed(inputs, attributes);
  const y = ofStep({ x: tf.reshape(x, [-1, x.shape.at(-1)!]), weight }, attributes);
  return tf.reshape(y, [...x.shape.slice(0, -1), attributes.gate.shape[0]!]);
}

function composed({ x, weight }: NormedSwiGluInputs, { epsilon, gate, up }: NormedSwiGluAttributes): tf.Tensor {
  const normed = rmsNorm({ x, weight }, { epsilon });
  return swiGlu({ gate: linear(normed, gate), up: linear(normed, up) }, null);
}

const ofStep = defineOp<NormedSwiGluInputs, NormedSwiGluAttributes, tf.Tensor>({
  name: 'NormedSwiGluOfStep',
  reference: composed,
});

registerFusedKernel(ofStep, 'webgpu', {
  forward: ({ x, weight }, { epsilon, gate, up }) => normedSwiGluStep(x as tf.Tensor2D, { weight, epsilon }, gate, up),
});
