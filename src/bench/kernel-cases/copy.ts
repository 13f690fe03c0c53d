// The copy that the shares of memory-bound kernels are taken of, as one of them.
import * as tf from '#tfjs';
import { copy } from '../../kernels/webgpu/copy.js';
import type { KernelCase } from '../kernel-case.js';
import { randomFloats } from '../random.js';

const ELEMENTS = 2 ** 26;

export const cases: KernelCase[] = [
  {
    kernel: 'copy',
    shape: `${ELEMENTS} elements`,
    precision: 'f32',
    flops: 0,
    bytes: 8 * ELEMENTS,
    bound: 'memory',
    prepare: () => {
      const x = tf.tensor1d(randomFloats(ELEMENTS, 1));
      return { run: () => [copy(x)], dispose: () => x.dispose() };
    },
    error: async () => {
      const values = randomFloats(4 * 1025, 1);
      const [x, y] = tf.tidy(() => {
        const x = tf.tensor1d(values);
        return [x, copy(x)];
      }) as [tf.Tensor, tf.Tensor];
      const found = await y.data();
      tf.dispose([x, y]);
      return found.every((value, i) => value === values[i]) ? 0 : Infinity;
    },
  },
];
