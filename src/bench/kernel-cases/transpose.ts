// Channels split into 16 heads of 64, and the sum of a residual.
import * as tf from '#tfjs';
import { elementwise } from '../../kernels/webgpu/elementwise.js';
import { transpose } from '../../kernels/webgpu/transpose.js';
import type { KernelCase } from '../kernel-case.js';
import { memoryCase, randomTensor, randomValues } from '../kernel-inputs.js';

const SHAPE = [4, 8192, 16, 64];
const SMALL = [2, 17, 3, 8] as const;

/** [B, T, N, D] -> [B, N, T, D] */
function headsFirst([batch, length, heads, dim]: readonly [number, number, number, number]): number[] {
  const x = randomValues([batch, length, heads, dim], 1);
  const y: number[] = [];
  for (let row = 0; row < batch; row++)
    for (let head = 0; head < heads; head++)
      for (let token = 0; token < length; token++) {
        const start = ((row * length + token) * heads + head) * dim;
        y.push(...x.subarray(start, start + dim));
      }
  return y;
}

const bytes = 4 * tf.util.sizeFromShape(SHAPE);

export const cases: KernelCase[] = [
  memoryCase({
    ...{ kernel: 'transpose', shape: 'B4 T8192 N16 D64', bytes: 2 * bytes },
    inputs: () => [randomTensor(SHAPE, 1)],
    run: (x) => [transpose(x, [0, 2, 1, 3])],
    small: () => ({ inputs: [randomTensor(SMALL, 1)], wanted: [headsFirst(SMALL)] }),
  }),
  memoryCase({
    ...{ kernel: 'add', shape: 'T32768 H1024', bytes: 3 * bytes },
    inputs: () => [randomTensor(SHAPE, 1), randomTensor(SHAPE, 2)],
    run: (a, b) => elementwise('sum', [a, b]),
    small: () => {
      const [a, b] = [randomValues(SMALL, 1), randomValues(SMALL, 2)];
      return { inputs: [randomTensor(SMALL, 1), randomTensor(SMALL, 2)], wanted: [a.map((v, i) => v + b[i]!)] };
    },
  }),
];
