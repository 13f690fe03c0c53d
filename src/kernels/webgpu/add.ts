// Add, f32, of two tensors of one shape: residuals, and the sums of the tape's gradients. It stands in for TensorFlow.js's, which
// looks each element's place up in both shapes.
import * as tf from '#tfjs';
import { elementwise } from './elementwise.js';

export function registerAdd(): void {
  const original = tf.getKernel('Add', 'webgpu');
  tf.unregisterKernel('Add', 'webgpu');
  tf.registerKernel({
    ...original,
    kernelFunc: (args) => {
      const { a, b } = args.inputs as unknown as { a: tf.TensorInfo; b: tf.TensorInfo };
      const fits = [a, b].every(({ dtype }) => dtype === 'float32') && tf.util.arraysEqual(a.shape, b.shape);
      return fits ? elementwise('sum', [a, b])[0]! : original.kernelFunc(args);
    },
  });
}
