// Rotary embedding of 16 heads of 64, far from the beginning of a text.
import * as tf from '#tfjs';
import { rotateNeighbours, rotateTokens } from '../../ops/rotary.js';
import type { KernelCase } from '../kernel-case.js';
import { memoryCase, randomTensor, randomValues } from '../kernel-inputs.js';

const [THETA, POSITION, PERIOD] = [10000, 60_000, 16];

/** [B, T, N, D] with halves for pairs, [B, N, T, D] with neighbours. */
type Shape = readonly [number, number, number, number];

function wantedOf(shape: Shape, pairing: 'halves' | 'neighbours'): number[] {
  const dim = shape[3];
  const x = randomValues(shape, 1);
  const y = new Array<number>(x.length);
  for (let row = 0; row < x.length / dim; row++) {
    const position =
      pairing === 'halves'
        ? POSITION + (Math.floor(row / shape[2]) % shape[1])
        : (POSITION + (row % shape[2])) % PERIOD;
    for (let i = 0; i < dim / 2; i++) {
      const angle = position * THETA ** ((-2 * i) / dim);
      const first = row * dim + (pairing === 'halves' ? i : 2 * i);
      const second = first + (pairing === 'halves' ? dim / 2 : 1);
      y[first] = x[first]! * Math.cos(angle) - x[second]! * Math.sin(angle);
      y[second] = x[second]! * Math.cos(angle) + x[first]! * Math.sin(angle);
    }
  }
  return y;
}

const caseOf = (pairing: 'halves' | 'neighbours', shape: Shape, small: Shape): KernelCase =>
  memoryCase({
    kernel: `rotary ${pairing}`,
    shape: 'B4 T8192 N16 D64',
    bytes: 2 * 4 * tf.util.sizeFromShape([...shape]),
    inputs: () => [randomTensor(shape, 1)],
    // Tidied, since a view of another shape that stays would hold its buffer.
    run: (x) => [
      tf.tidy(() =>
        pairing === 'halves'
          ? rotateTokens(x as tf.Tensor4D, THETA, POSITION)
          : rotateNeighbours(x as tf.Tensor4D, THETA, POSITION, PERIOD),
      ),
    ],
    small: () => ({ inputs: [randomTensor(small, 1)], wanted: [wantedOf(small, pairing)] }),
  });

export const cases: KernelCase[] = [
  caseOf('halves', [4, 8192, 16, 64], [1, 300, 3, 64]),
  caseOf('neighbours', [4, 16, 8192, 64], [1, 3, 300, 64]),
];
