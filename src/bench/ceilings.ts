// What an engine reaches at best: a product of two large square matrices, and a copy. The shares that `bench` prints are of
// these, measured in the same run on the same engine.
import * as tf from '#tfjs';
import { releaseFreeMemory } from '../backends/engine-memory.js';
import type { Engine } from '../backends/engine.js';
import { copy } from '../kernels/webgpu/copy.js';
import { toHalf } from '../kernels/webgpu/half-tensor.js';
import { matMulHalf } from '../kernels/webgpu/matmul.js';
import { usePrecision, usesTensorCores, type Precision } from '../kernels/webgpu/precision.js';
import { OutOfMemoryError } from '../backends/out-of-memory.js';
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
const SMALLEST_SIDE = 1024;
const EMULATED: Sizes = { side: 256, elements: 2 ** 22 };

/** The fastest of several measurements; of smaller sizes where the device has no room for these. */
export function measureCeilings(engine: Engine, dtype: Precision): Promise<Ceilings> {
  return whereItFits(engine, async ({ side, elements }) => ({
    flopsPerSecond: await productRate(side, dtype),
    bytesPerSecond: (2 * 4 * elements) / Math.min(...(await copySeconds(engine, elements))),
  }));
}

/** The first of the ceilings alone, in FLOP/s. */
export function measureProducts(engine: Engine, dtype: Precision): Promise<number> {
  return whereItFits(engine, ({ side }) => productRate(side, dtype));
}

async function productRate(side: number, dtype: Precision): Promise<number> {
  return (2 * side ** 3) / Math.min(...(await productSeconds(side, dtype)));
}

async function whereItFits<T>(
  engine: Engine,
  measure: (sizes: Sizes) => Promise<T>,
  sizes = sizesFor(engine),
): Promise<T> {
  engine.use();
  try {
    return await engine.guard(() => measure(sizes));
  } catch (error) {
    const { side, elements } = sizes;
    if (!(error instanceof OutOfMemoryError) || side < SMALLEST_SIDE) throw error;
    return whereItFits(engine, measure, { side: side / 2, elements: elements / 4 });
  } finally {
    releaseFreeMemory();
  }
}

function sizesFor({ backend, software }: Engine): Sizes {
  if (software || backend === 'cpu') return EMULATED;
  return backend === 'webgpu' || backend === 'tensorflow' ? GPU : HOST;
}

/** Seconds of each of several products of two [side, side] matrices, which in f16 are packed before. */
export async function productSeconds(side: number, dtype: Precision): Promise<number[]> {
  const matrix = (seed: number) => tf.tensor2d(randomFloats(side * side, seed), [side, side]);
  const [a, b] = [matrix(1), matrix(2)];
  usePrecision(dtype);
  const inHalf = tf.getBackend() === 'webgpu' && usesTensorCores();
  // A tensor is packed once, as long as the packed copy lives.
  const packed = inHalf ? [toHalf(a).words, toHalf(b).words] : [];
  try {
    return await repeatedSeconds(() => [inHalf ? matMulHalf(a, b, { transposeB: true }) : tf.matMul(a, b)]);
  } finally {
    tf.dispose([a, b, ...packed]);
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
