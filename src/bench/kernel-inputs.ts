// What the cases of memory-bound kernels have in common: seeded tensors, and the distance from f64 arithmetic.
import * as tf from '#tfjs';
import type { KernelCase } from './kernel-case.js';
import { randomFloats } from './random.js';

/** Uniform in (-1, 1). */
export function randomTensor(shape: readonly number[], seed: number): tf.Tensor {
  return tf.tensor(randomValues(shape, seed), [...shape]);
}

export function randomValues(shape: readonly number[], seed: number): Float32Array {
  return randomFloats(tf.util.sizeFromShape([...shape]), seed, -1, 1);
}

export interface MemoryCase extends Pick<KernelCase, 'kernel' | 'shape' | 'bytes'> {
  readonly flops?: number;
  /** The inputs at the shape that is measured. */
  readonly inputs: () => tf.Tensor[];
  readonly run: (...inputs: tf.Tensor[]) => tf.Tensor[];
  /** Small ragged inputs as values by shape, and what the outputs are in f64. */
  readonly small: () => { inputs: tf.Tensor[]; wanted: ArrayLike<number>[] };
}

/** A kernel in f32 that the memory bounds. */
export function memoryCase({ kernel, shape, bytes, flops = 0, inputs, run, small }: MemoryCase): KernelCase {
  return {
    ...{ kernel, shape, bytes, flops, precision: 'f32', bound: 'memory' },
    prepare: () => {
      const made = inputs();
      return { run: () => run(...made), dispose: () => tf.dispose(made) };
    },
    error: async () => {
      const { inputs, wanted } = small();
      const outputs = run(...inputs);
      const errors = await Promise.all(
        wanted.map(async (values, i) => relativeError(await outputs[i]!.data(), values)),
      );
      tf.dispose([...inputs, ...outputs]);
      return Math.max(...errors);
    },
  };
}

/** Norm of the difference by norm of what is wanted. */
export function relativeError(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    difference += (found[i]! - wanted[i]!) ** 2;
    norm += wanted[i]! ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}
