import type * as tf from '#tfjs';
import test from 'ava';
import { decayedLinearAttention } from '../../../src/ops/decayed-linear-attention.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { fusedAgainstReference, randomTensor } from './fused-and-reference.js';

interface Shape {
  batch: number;
  groups: number;
  heads: number;
  length: number;
  keyDim: number;
  valueDim: number;
  /** g is uniform in (-gate, 0). */
  gate: number;
}

const CASES: [what: string, shape: Shape][] = [
  ['one token', { batch: 1, groups: 2, heads: 2, length: 1, keyDim: 8, valueDim: 4, gate: 0.1 }],
  ['17 tokens', { batch: 2, groups: 1, heads: 1, length: 17, keyDim: 24, valueDim: 48, gate: 1 }],
  ['a chunk and a token', { batch: 2, groups: 1, heads: 3, length: 65, keyDim: 16, valueDim: 20, gate: 0.05 }],
  [
    '130 tokens, heads that share q and k',
    { batch: 1, groups: 2, heads: 4, length: 130, keyDim: 68, valueDim: 72, gate: 0.02 },
  ],
  ['whole tiles', { batch: 1, groups: 1, heads: 1, length: 128, keyDim: 128, valueDim: 64, gate: 0.01 }],
  ['decays that forget all', { batch: 1, groups: 2, heads: 2, length: 130, keyDim: 8, valueDim: 8, gate: 200 }],
];

for (const [what, { batch, groups, heads, length, keyDim, valueDim, gate }] of CASES)
  test.serial(`fused linear attention with a decay a head is the reference: ${what}`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    const inputs = {
      q: randomTensor(1, [batch, groups, length, keyDim]),
      k: randomTensor(2, [batch, groups, length, keyDim]),
      v: randomTensor(3, [batch, heads, length, valueDim]),
      logDecay: randomTensor(4, [batch, heads, length], [-gate, 0]),
      state: randomTensor(5, [batch, heads, keyDim, valueDim]),
    };
    const errors = await fusedAgainstReference(inputs, ({ q, k, v, logDecay, state }) => ({
      ...decayedLinearAttention({
        ...{ q: q as tf.Tensor4D, k: k as tf.Tensor4D, v: v as tf.Tensor4D },
        logDecay: logDecay as tf.Tensor3D,
        state: state as tf.Tensor4D,
      }),
    }));
    for (const [name, error] of Object.entries(errors))
      t.true(error < (name.startsWith('d ') ? 1e-4 : 1e-5), `${name}: ${error}`);
  });
