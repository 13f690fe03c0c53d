// The short convolution before the linear mixers: 1,024 channels, 4 taps, SiLU.
import * as tf from '#tfjs';
import { convolve, convolveGradient } from '../../kernels/webgpu/short-convolution.js';
import type { KernelCase } from '../kernel-case.js';
import { memoryCase, randomTensor, randomValues } from '../kernel-inputs.js';

const TAPS = 4;
const SMALL = [2, 65, 36] as const;
const LARGE = [4, 8192, 1024] as const;
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** y, dx and dw in f64. */
function inF64([batch, length, channels]: readonly [number, number, number]) {
  const x = randomValues([batch, length, channels], 1);
  const weight = randomValues([channels, TAPS], 2);
  const dy = randomValues([batch, length, channels], 3);
  const y = new Float64Array(x.length);
  const dx = new Float64Array(x.length);
  const dWeight = new Float64Array(weight.length);
  for (let at = 0; at < x.length; at++) {
    const channel = at % channels;
    const token = Math.floor(at / channels) % length;
    const reached = Array.from({ length: TAPS }, (_, j) => j).filter((j) => token - (TAPS - 1) + j >= 0);
    const input = (j: number) => at + (j - TAPS + 1) * channels;
    const z = reached.reduce((sum, j) => sum + weight[channel * TAPS + j]! * x[input(j)]!, 0);
    y[at] = z * sigmoid(z);
    const dz = dy[at]! * sigmoid(z) * (1 + z * (1 - sigmoid(z)));
    for (const j of reached) {
      dx[input(j)]! += weight[channel * TAPS + j]! * dz;
      dWeight[channel * TAPS + j]! += x[input(j)]! * dz;
    }
  }
  return { y, dx, dWeight };
}

function inputsOf(shape: readonly [number, number, number]): tf.Tensor[] {
  return [randomTensor(shape, 1), tf.reshape(randomTensor([shape[2], TAPS], 2), [shape[2], 1, TAPS])];
}

const shape = `B${LARGE[0]} T${LARGE[1]} C${LARGE[2]} K${TAPS} silu`;
const bytes = 4 * tf.util.sizeFromShape([...LARGE]);

export const cases: KernelCase[] = [
  memoryCase({
    ...{ kernel: 'short-convolution', shape, bytes: 2 * bytes },
    inputs: () => inputsOf(LARGE),
    run: (x, weight) => [convolve({ x: x, weight: weight }, 'silu')],
    small: () => ({ inputs: inputsOf(SMALL), wanted: [inF64(SMALL).y] }),
  }),
  memoryCase({
    ...{ kernel: 'short-convolution gradient', shape, bytes: 3 * bytes },
    inputs: () => [...inputsOf(LARGE), randomTensor(LARGE, 3)],
    run: (x, weight, dy) => {
      const gradients = convolveGradient({ x: x, weight: weight }, 'silu', dy);
      return [gradients.x, gradients.weight];
    },
    small: () => {
      const { dx, dWeight } = inF64(SMALL);
      return { inputs: [...inputsOf(SMALL), randomTensor(SMALL, 3)], wanted: [dx, dWeight] };
    },
  }),
];
