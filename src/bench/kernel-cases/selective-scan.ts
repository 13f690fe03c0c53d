// The selective scan at the sizes of Mamba 340M, 32,768 tokens a call: eight texts, and one long one.
import * as tf from '#tfjs';
import { scanGradient } from '../../kernels/webgpu/selective-scan-gradient.js';
import { scanForward, type ScanInputs } from '../../kernels/webgpu/selective-scan.js';
import type { KernelCase } from '../kernel-case.js';
import { memoryCase, randomTensor } from '../kernel-inputs.js';
import { randomFloats } from '../random.js';

interface Size {
  readonly batch: number;
  readonly length: number;
  readonly channels: number;
  readonly states: number;
}

const SMALL: Size = { batch: 1, length: 300, channels: 36, states: 16 };
const EIGHT: Size = { batch: 8, length: 4096, channels: 2048, states: 16 };
const LONG: Size = { batch: 1, length: 32_768, channels: 2048, states: 16 };
const TRAINING: Size = { batch: 8, length: 2048, channels: 2048, states: 16 };

const NAMES = ['x', 'dt', 'a', 'b', 'c', 'd', 'initial'] as const;

/** Steps of 0 to 0.1, rates of -16 to 0. */
function inputsOf({ batch, length, channels, states }: Size): tf.Tensor[] {
  const uniform = (shape: number[], seed: number, bound: number) =>
    tf.tensor(
      randomFloats(tf.util.sizeFromShape(shape), seed).map((value) => bound * value),
      shape,
    );
  return [
    randomTensor([batch, length, channels], 1),
    uniform([batch, length, channels], 2, 0.1),
    uniform([channels, states], 3, -16),
    randomTensor([batch, length, states], 4),
    randomTensor([batch, length, states], 5),
    randomTensor([channels], 6),
    randomTensor([batch, states, channels], 7),
  ];
}

function named(inputs: readonly tf.Tensor[]): ScanInputs {
  return Object.fromEntries(NAMES.map((name, i) => [name, inputs[i]])) as unknown as ScanInputs;
}

/** Of one row, whose inputs are still the host's: y, and with the gradient of y all ones, dx and da, token after token in f64. */
function inF64({ length, channels, states }: Size, inputs: readonly tf.Tensor[]) {
  const [x, dt, a, b, c, d, initial] = inputs.map((tensor) => tensor.dataSync()) as Float32Array[];
  const y = new Float64Array(length * channels);
  const dX = new Float64Array(length * channels);
  const dA = new Float64Array(channels * states);
  for (let i = 0; i < channels; i++)
    for (let n = 0; n < states; n++) {
      const rate = a![i * states + n]!;
      const h = new Float64Array(length + 1);
      h[0] = initial![n * channels + i]!;
      for (let t = 0; t < length; t++) {
        const at = t * channels + i;
        h[t + 1] = Math.exp(dt![at]! * rate) * h[t]! + dt![at]! * x![at]! * b![t * states + n]!;
        y[at]! += h[t + 1]! * c![t * states + n]! + (n === 0 ? d![i]! * x![at]! : 0);
      }
      let passed = 0;
      for (let t = length - 1; t >= 0; t--) {
        const at = t * channels + i;
        const g = c![t * states + n]! + passed;
        passed = Math.exp(dt![at]! * rate) * g;
        dX[at]! += g * dt![at]! * b![t * states + n]! + (n === 0 ? d![i]! : 0);
        dA[i * states + n]! += passed * h[t]! * dt![at]!;
      }
    }
  return { y, dX, dA };
}

function forward(size: Size): KernelCase {
  const { batch, length, channels, states } = size;
  const tokens = batch * length;
  return memoryCase({
    ...{ kernel: 'selective-scan', shape: `B${batch} T${length} I${channels} N${states}` },
    bytes: 4 * tokens * (3 * channels + 2 * states),
    flops: 6 * tokens * channels * states,
    inputs: () => inputsOf(size),
    run: (...inputs) => scanForward(named(inputs)),
    small: () => {
      const inputs = inputsOf(SMALL);
      const { y } = inF64(SMALL, inputs);
      return { inputs, wanted: [y] };
    },
  });
}

function gradient(size: Size): KernelCase {
  const { batch, length, channels, states } = size;
  const tokens = batch * length;
  return memoryCase({
    ...{ kernel: 'selective-scan gradient', shape: `B${batch} T${length} I${channels} N${states}` },
    bytes: 4 * tokens * (5 * channels + 4 * states),
    flops: 18 * tokens * channels * states,
    inputs: () => [
      ...inputsOf(size),
      randomTensor([batch, length, channels], 8),
      randomTensor([batch, states, channels], 9),
    ],
    run: (...all) => {
      const [dY, dState] = all.slice(NAMES.length) as [tf.Tensor3D, tf.Tensor3D];
      const { x, a, ...rest } = scanGradient(named(all), [dY, dState]);
      return [x, a, ...Object.values(rest)];
    },
    small: () => {
      const inputs = inputsOf(SMALL);
      const { dX, dA } = inF64(SMALL, inputs);
      const dY = tf.ones([1, SMALL.length, SMALL.channels]);
      return { inputs: [...inputs, dY, tf.zeros([1, SMALL.states, SMALL.channels])], wanted: [dX, dA] };
    },
  });
}

export const cases: KernelCase[] = [forward(EIGHT), forward(LONG), gradient(TRAINING)];
