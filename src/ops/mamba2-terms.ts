// What stands around Mamba2's recurrence (Dao & Gu 2024): its values dt x, and its outputs with the skip, o + D x. In one kernel each
// where nothing is differentiated.
import * as tf from '#tfjs';
import { skippedOutputs, steppedValues } from '../kernels/webgpu/mamba2-terms.js';
import { defineOp, isDifferentiated, registerFusedKernel } from './op.js';

type ValuesInputs = { x: tf.Tensor4D; step: tf.Tensor3D };
type OutputsInputs = { o: tf.Tensor4D; x: tf.Tensor4D; d: tf.Tensor2D };

/** x [B, T, N, P], step [B, T, N] -> dt x, [B, N, T, P] */
export function steppedByHead(inputs: ValuesInputs): tf.Tensor4D {
  return isDifferentiated() ? values(inputs) : valuesInOneKernel(inputs, null);
}

/** o [B, N, T, P], x [B, T, N, P], d [N, P], or [N, 1] for a value a head -> o + D x, [B, T, N, P] */
export function withSkip(inputs: OutputsInputs): tf.Tensor4D {
  return isDifferentiated() ? outputs(inputs) : outputsInOneKernel(inputs, null);
}

function values({ x, step }: ValuesInputs): tf.Tensor4D {
  return tf.transpose(tf.mul(x, tf.expandDims(step, 3)), [0, 2, 1, 3]) as tf.Tensor4D;
}

function outputs({ o, x, d }: OutputsInputs): tf.Tensor4D {
  return tf.add(tf.transpose(o, [0, 2, 1, 3]), tf.mul(x, d));
}

const valuesInOneKernel = defineOp<ValuesInputs, null, tf.Tensor4D>({ name: 'SteppedValues', reference: values });
const outputsInOneKernel = defineOp<OutputsInputs, null, tf.Tensor4D>({ name: 'SkippedOutputs', reference: outputs });

const inVectors = ({ x }: { readonly x: tf.Tensor4D }) => x.shape[3] % 4 === 0;

registerFusedKernel(valuesInOneKernel, 'webgpu', {
  takes: inVectors,
  forward: ({ x, step }) => steppedValues(x, step),
});
registerFusedKernel(outputsInOneKernel, 'webgpu', {
  takes: inVectors,
  forward: ({ o, x, d }) => skippedOutputs(o, x, d),
});
