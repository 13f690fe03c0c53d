import type * as tf from '#tfjs';
import test from 'ava';
import { deltaRule } from '../../../src/ops/delta-rule.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { fusedAgainstReference, randomTensor, type HostTensor } from './fused-and-reference.js';

interface Shape {
  batch: number;
  heads: number;
  valueHeads: number;
  length: number;
  keyDim: number;
  valueDim: number;
  /** Decays exp(-gate) to 1 a token; null for none. */
  gate: number | null;
}

const FORGETS_ALL = 200;
// A pair of sizes costs a pipeline of every kernel, hence few pairs.
const CASES: [what: string, shape: Shape][] = [
  ['one token', { batch: 1, heads: 1, valueHeads: 2, length: 1, keyDim: 16, valueDim: 20, gate: 0.5 }],
  ['17 tokens without decay', { batch: 2, heads: 1, valueHeads: 1, length: 17, keyDim: 24, valueDim: 48, gate: null }],
  ['130 tokens, shared keys', { batch: 1, heads: 2, valueHeads: 4, length: 130, keyDim: 16, valueDim: 20, gate: 0.1 }],
  ['long heads', { batch: 1, heads: 1, valueHeads: 1, length: 70, keyDim: 132, valueDim: 72, gate: 0.05 }],
  [
    'decays that forget all',
    { batch: 1, heads: 1, valueHeads: 1, length: 65, keyDim: 16, valueDim: 20, gate: FORGETS_ALL },
  ],
];

for (const [what, { batch, heads, valueHeads, length, keyDim, valueDim, gate }] of CASES)
  test.serial(`the fused delta rule is the reference: ${what}`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    const inputs: Record<string, HostTensor> = {
      q: unit(randomTensor(1, [batch, heads, length, keyDim])),
      k: unit(randomTensor(2, [batch, heads, length, keyDim])),
      v: randomTensor(3, [batch, valueHeads, length, valueDim]),
      rate: withZero(randomTensor(4, [batch, valueHeads, length], [0, 2])),
      state: randomTensor(5, [batch, valueHeads, keyDim, valueDim]),
      ...(gate === null ? {} : { logDecay: randomTensor(6, [batch, valueHeads, length], [-gate, 0]) }),
    };
    const errors = await fusedAgainstReference(inputs, ({ q, k, v, rate, state, logDecay }) => ({
      ...deltaRule({
        ...{ q: q as tf.Tensor4D, k: k as tf.Tensor4D, v: v as tf.Tensor4D, rate: rate as tf.Tensor3D },
        logDecay: (logDecay as tf.Tensor3D | undefined) ?? null,
        state: state as tf.Tensor4D,
      }),
    }));
    for (const [name, error] of Object.entries(errors)) t.true(error < boundOf(name, gate), `${name}: ${error}`);
  });

/** Where nothing is remembered, the gradient of the decay is what rounding leaves of two sums that cancel: any number, but one. */
function boundOf(name: string, gate: number | null): number {
  if (name === 'd logDecay' && gate === FORGETS_ALL) return Infinity;
  return name.startsWith('d ') ? 1e-4 : 1e-5;
}

/** The second token corrects nothing. */
function withZero({ shape, values }: HostTensor): HostTensor {
  return { shape, values: values.map((x, i) => (i === 1 ? 0 : x)) };
}

/** Rows of length 1. */
function unit({ shape, values }: HostTensor): HostTensor {
  const dim = shape.at(-1)!;
  const norms = Float32Array.from({ length: values.length / dim }, (_, row) =>
    Math.hypot(...values.subarray(row * dim, (row + 1) * dim)),
  );
  return { shape, values: values.map((x, i) => x / norms[Math.floor(i / dim)]!) };
}
