import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../../src/backends/engine.js';
import { toHalf } from '../../../src/kernels/webgpu/half-tensor.js';
import { linearPlus, linears, linearsJoined, type Matrix } from '../../../src/ops/linear.js';
import { normedSwiGlu } from '../../../src/ops/normed-swiglu.js';
import { withoutFusedKernels } from '../../../src/ops/op.js';
import { relativeDifference } from '../../ops/differences.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { randomTensor } from './fused-and-reference.js';

function random(seed: number, shape: readonly number[]): tf.Tensor {
  const { values } = randomTensor(seed, shape);
  return tf.tensor(values, [...shape]);
}

/** Of a decoding step of `rows` rows, with weights as they are and packed. */
const STEPS: Record<string, (rows: number, weight: (seed: number, shape: readonly number[]) => Matrix) => tf.Tensor[]> =
  {
    'products of one input': (rows, weight) =>
      linears(random(1, [rows, 1, 72]), [weight(2, [70, 72]), weight(3, [9, 72]), weight(4, [16, 72])]),
    'products side by side': (rows, weight) => [
      linearsJoined(random(1, [rows, 264]) as tf.Tensor2D, [
        weight(2, [31, 264]),
        weight(3, [8, 264]),
        weight(4, [5, 264]),
      ]),
    ],
    'a product on a residual': (rows, weight) => [
      linearPlus(random(1, [rows, 37]), random(2, [rows, 40]), weight(3, [37, 40])),
    ],
    'SwiGLU of the normed sum': (rows, weight) =>
      normedSwiGlu(
        { x: random(1, [rows, 1032]), y: random(5, [rows, 1032]), weight: random(2, [1032]) },
        { epsilon: 1e-5, gate: weight(3, [45, 1032]), up: weight(4, [45, 1032]) },
      ),
  };

for (const [name, compute] of Object.entries(STEPS))
  test.serial(`${name} in a step are those of the formula`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    (await startEngine('webgpu')).use();
    for (const rows of [1, 3, 8])
      for (const weight of [random, (seed: number, shape: readonly number[]) => toHalf(random(seed, shape))]) {
        const found = compute(rows, weight);
        const wanted = withoutFusedKernels(() => compute(rows, weight));
        for (const [i, output] of found.entries()) {
          const off = relativeDifference(await output.data(), await wanted[i]!.data());
          t.true(off < 1e-6, `output ${i} of ${rows} rows: off by ${off}`);
          t.deepEqual(output.shape, wanted[i]!.shape);
        }
      }
  });
