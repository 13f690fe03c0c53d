// What an engine reaches at best: a product of two large square matrices, and a copy. The shares that `bench` prints are of
// these, measured in the same run on the same engine.
import * as tf from '#tfjs';
import type { Engine } from '../backends/engine.js';
import { copy } from '../kernels/webgpu/copy.js';
import { usePrecision, type Precision } from '../kernels/webgpu/precision.js';
import type { Ceilings } from './bench-record.js';
import { randomFloats } from './random.js';
import { repeatedSeconds } from './repeat.js';

/** Side of the matrices, and elements of what is copied: large enough that starting it costs nothing. */
interface Sizes {
  readonly side: number;
  readonly elements: number;
}

const GPU: Sizes = { side: 8192, elements: 2 ** 28 };
const HOST: Sizes = { side: 1024, elements: 2 ** 24 };
const EMULATED: Sizes = { side: 256, elements: 2 ** 22 };

/** The fastest of several measurements. */
export async function measureCeilings(engine: Engine, dtype: Precision): Promise<Ceilings> {
  engine.use();
  const sizes = sizesFor(engine);
  return {
    flopsPerSecond: (2 * sizes.side ** 3) / Math.min(...(await productSeconds(sizes.side, dtype))),
    bytesPerSecond: (2 * 4 * sizes.elements) / Math.min(...(await copySeconds(engine, sizes.elements))),
  };
}

function sizesFor({ backend, software }: Engine): Sizes {
  if (software || backend === 'cpu') return EMULATED;
  return backend === 'webgpu' || backend === 'tensorflow' ? GPU : HOST;
}

/** Seconds of each of several products of two [side, side] matrices. */
export async function productSeconds(side: number, dtype: Precision): Promise<number[]> {
  if (tf.getBackend() === 'webgpu') usePrecision(dtype);
  const matrix = (seed: number) => tf.tensor2d(randomFloats(side * side, seed), [side, side]);
  const [a, b] = [matrix(1), matrix(2)];
  try {
    return await repeatedSeconds(() => [tf.matMul(a, b)]);
  } finally {
    tf.dispose([a, b]);
  }
}

/** Seconds of each of several copies of f32 elements; each element is read and written once. */
export async function copySeconds({ backend }: Pick<Engine, 'backend'>, elements: number): Promise<number[]> {
  if (backend !== 'webgpu') {
    const [from, to] = [new Float32Array(elements).fill(1), new Float32Array(elements).fill(2)];
    return repeatedSeconds(() => {
      to.set(from);
      return [];
    });
  }
  const x = tf.fill([elements], 1);
  try {
    return await repeatedSeconds(() => [copy(x)]);
  } finally {
    x.dispose();
  }
}
