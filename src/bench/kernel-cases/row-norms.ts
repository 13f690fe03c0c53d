// Norms at the sizes of the 340M models: the trunk's 1,024, heads of 64 and 256.
import * as tf from '#tfjs';
import { rowNormGradient } from '../../kernels/webgpu/row-norm-gradients.js';
import type { Norm } from '../../kernels/webgpu/row-norm-rows.js';
import { rowNorm } from '../../kernels/webgpu/row-norms.js';
import type { KernelCase } from '../kernel-case.js';
import { memoryCase, randomTensor, randomValues } from '../kernel-inputs.js';

const EPSILON = 1e-5;
const SMALL = [37, 36] as const;

const silu = (x: number) => x / (1 + Math.exp(-x));

/** x, then gate and weight where the norm has them, then dy. */
function named(norm: Norm, tensors: readonly tf.Tensor[]) {
  const [x, ...rest] = tensors;
  const gate = norm.startsWith('gated') ? { gate: rest.shift()! } : {};
  return { x: x!, ...gate, ...(norm === 'length' ? {} : { weight: rest.shift()! }) };
}

/** y and dx of one row, in f64; gated after the norm, or not. */
function rowInF64(row: { x: number[]; gate: number[]; weight: number[]; dy: number[] }, mean: boolean) {
  const { x, gate, weight, dy } = row;
  const c = mean ? 1 / x.length : 1;
  const r = 1 / Math.sqrt(c * x.reduce((sum, v) => sum + v * v, 0) + EPSILON);
  const e = dy.map((v, i) => v * weight[i]! * gate[i]!);
  const along = e.reduce((sum, v, i) => sum + v * x[i]!, 0);
  return {
    y: x.map((v, i) => v * r * weight[i]! * gate[i]!),
    dx: e.map((v, i) => r * (v - x[i]! * r * r * c * along)),
  };
}

function smallRows(norm: Norm) {
  const [rows, width] = SMALL;
  const values = { x: randomValues(SMALL, 1), gate: randomValues(SMALL, 2), dy: randomValues(SMALL, 4) };
  const weight = randomValues([width], 3);
  const found = Array.from({ length: rows }, (_, row) => {
    const part = (all: Float32Array) => [...all.subarray(row * width, (row + 1) * width)];
    return rowInF64(
      {
        x: part(values.x),
        gate: part(values.gate).map((v) => (norm === 'gated-after' ? silu(v) : 1)),
        weight: [...weight].map((v) => (norm === 'length' ? 1 : v)),
        dy: part(values.dy),
      },
      norm !== 'length',
    );
  });
  const x = tf.tensor(values.x, [...SMALL]);
  const gate = norm === 'gated-after' ? [tf.tensor(values.gate, [...SMALL])] : [];
  const weights = norm === 'length' ? [] : [tf.tensor(weight, [width])];
  return {
    inputs: [x, ...gate, ...weights],
    dy: tf.tensor(values.dy, [...SMALL]),
    y: found.flatMap(({ y }) => y),
    dx: found.flatMap(({ dx }) => dx),
  };
}

function normCases(norm: 'rms' | 'gated-after' | 'length', rows: number, width: number): KernelCase[] {
  const gates = norm === 'gated-after' ? 1 : 0;
  const inputs = () => [
    ...Array.from({ length: 1 + gates }, (_, i) => randomTensor([rows, width], i + 1)),
    ...(norm === 'length' ? [] : [randomTensor([width], 3)]),
  ];
  const shape = `R${rows} D${width}`;
  const bytes = 4 * rows * width;
  return [
    memoryCase({
      ...{ kernel: `row-norm ${norm}`, shape, bytes: bytes * (2 + gates), inputs },
      run: (...inputs) => [rowNorm(norm, named(norm, inputs), EPSILON)],
      small: () => {
        const { inputs, y, dy } = smallRows(norm);
        dy.dispose();
        return { inputs, wanted: [y] };
      },
    }),
    memoryCase({
      ...{ kernel: `row-norm ${norm} gradient`, shape, bytes: bytes * (3 + 2 * gates) },
      inputs: () => [...inputs(), randomTensor([rows, width], 4)],
      run: (...inputs) => {
        const gradients = rowNormGradient(norm, named(norm, inputs.slice(0, -1)), EPSILON, inputs.at(-1)!);
        return Object.values(gradients) as tf.Tensor[];
      },
      small: () => {
        const { inputs, dx, dy } = smallRows(norm);
        return { inputs: [...inputs, dy], wanted: [dx] };
      },
    }),
  ];
}

export const cases: KernelCase[] = [
  ...normCases('rms', 32768, 1024),
  ...normCases('rms', 32768 * 16, 64),
  ...normCases('gated-after', 32768 * 4, 256),
  ...normCases('length', 32768 * 8, 128),
];
