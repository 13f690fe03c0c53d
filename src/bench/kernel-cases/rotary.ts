// Rotary embedding of 16 heads of 64.
import * as tf from '#tfjs';
import { rotatePairs, type Pairing } from '../../kernels/webgpu/rotary.js';
import type { KernelCase } from '../kernel-case.js';
import { memoryCase, randomTensor, randomValues } from '../kernel-inputs.js';

/** Tables [length, dim/2] of any angles. */
function tables(length: number, dim: number) {
  const angles = randomValues([length, dim / 2], 9);
  return { cos: angles.map(Math.cos), sin: angles.map(Math.sin) };
}

function inputsOf(shape: readonly [number, number, number, number]): tf.Tensor[] {
  const [, length, , dim] = shape;
  const { cos, sin } = tables(length, dim);
  return [randomTensor(shape, 1), tf.tensor(cos, [length, dim / 2]), tf.tensor(sin, [length, dim / 2])];
}

function wantedOf([batch, length, heads, dim]: readonly [number, number, number, number], pairing: Pairing): number[] {
  const x = randomValues([batch, length, heads, dim], 1);
  const { cos, sin } = tables(length, dim);
  const y = new Array<number>(x.length);
  for (let row = 0; row < batch * heads * length; row++)
    for (let i = 0; i < dim / 2; i++) {
      const angle = (Math.floor(row / heads) % length) * (dim / 2) + i;
      const first = row * dim + (pairing === 'halves' ? i : 2 * i);
      const second = first + (pairing === 'halves' ? dim / 2 : 1);
      y[first] = x[first]! * cos[angle]! - x[second]! * sin[angle]!;
      y[second] = x[second]! * cos[angle]! + x[first]! * sin[angle]!;
    }
  return y;
}

const SHAPE = [4, 8192, 16, 64] as const;
const SMALL = [1, 17, 3, 64] as const;

export const cases: KernelCase[] = (['halves', 'neighbours'] as const).map((pairing) =>
  memoryCase({
    kernel: `rotary ${pairing}`,
    shape: 'B4 T8192 N16 D64',
    bytes: 2 * 4 * tf.util.sizeFromShape([...SHAPE]),
    inputs: () => inputsOf(SHAPE),
    run: (x, cos, sin) => [rotatePairs({ x: x, cos: cos, sin: sin }, pairing, 0, 1)],
    small: () => ({ inputs: inputsOf(SMALL), wanted: [wantedOf(SMALL, pairing)] }),
  }),
);
