// Activations at the sizes of the 340M models: SwiGLU's inner 2,816, the steps and decays of 1,024 channels.
import * as tf from '#tfjs';
import { elementwise, type Formula } from '../../kernels/webgpu/elementwise.js';
import type { KernelCase } from '../kernel-case.js';
import { memoryCase, randomTensor, randomValues } from '../kernel-inputs.js';

const TOKENS = 32768;
const SMALL = [3, 17];

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

function formulaCase(
  formula: Formula,
  width: number,
  inputs: number,
  formulas: ((...x: number[]) => number)[],
): KernelCase {
  const seeds = Array.from({ length: inputs }, (_, i) => i + 1);
  return memoryCase({
    kernel: formula,
    shape: `T${TOKENS} H${width}`,
    bytes: 4 * TOKENS * width * (inputs + formulas.length),
    inputs: () => seeds.map((seed) => randomTensor([TOKENS, width], seed)),
    run: (...inputs) => elementwise(formula, inputs),
    small: () => {
      const values = seeds.map((seed) => randomValues(SMALL, seed));
      return {
        inputs: values.map((value) => tf.tensor(value, SMALL)),
        wanted: formulas.map((f) => Array.from(values[0]!, (_, i) => f(...values.map((value) => value[i]!)))),
      };
    },
  });
}

export const cases: KernelCase[] = [
  formulaCase('swiGlu', 2816, 2, [(gate, up) => gate * sigmoid(gate) * up]),
  formulaCase('swiGluGradient', 2816, 3, [
    (gate, up, dy) => dy * up * sigmoid(gate) * (1 + gate * (1 - sigmoid(gate))),
    (gate, _, dy) => dy * gate * sigmoid(gate),
  ]),
  formulaCase('softplus', 1024, 1, [(x) => Math.log1p(Math.exp(x))]),
];
