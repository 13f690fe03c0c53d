import type * as tf from '#tfjs';
import test from 'ava';
import { gatedLinearAttention } from '../../../src/ops/gated-linear-attention.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { fusedAgainstReference, randomTensor } from './fused-and-reference.js';

interface Shape {
  batch: number;
  heads: number;
  length: number;
  keyDim: number;
  valueDim: number;
  /** g is uniform in (-gate, 0). */
  gate: number;
}

const CASES: [what: string, shape: Shape][] = [
  ['one token', { batch: 1, heads: 2, length: 1, keyDim: 8, valueDim: 4, gate: 0.1 }],
  ['17 tokens', { batch: 2, heads: 1, length: 17, keyDim: 24, valueDim: 48, gate: 1 }],
  ['130 tokens', { batch: 1, heads: 2, length: 130, keyDim: 68, valueDim: 20, gate: 0.1 }],
  ['decays that forget all', { batch: 1, heads: 1, length: 65, keyDim: 8, valueDim: 8, gate: 200 }],
];

for (const along of ['keys', 'values'] as const)
  for (const [what, { batch, heads, length, keyDim, valueDim, gate }] of CASES)
    test.serial(
      `fused linear attention with a decay a channel of the ${along} is the reference: ${what}`,
      async (t) => {
        if (!(await needsAdverseWebgpu(t))) return;
        const decayDim = along === 'keys' ? keyDim : valueDim;
        const inputs = {
          q: randomTensor(1, [batch, heads, length, keyDim]),
          k: randomTensor(2, [batch, heads, length, keyDim]),
          v: randomTensor(3, [batch, heads, length, valueDim]),
          logDecay: randomTensor(4, [batch, heads, length, decayDim], [-gate, 0]),
          state: randomTensor(5, [batch, heads, keyDim, valueDim]),
        };
        const errors = await fusedAgainstReference(inputs, (tensors) => ({
          ...gatedLinearAttention(tensors as Record<keyof typeof inputs, tf.Tensor4D>, along),
        }));
        for (const [name, error] of Object.entries(errors))
          t.true(error < (name.startsWith('d ') ? 1e-4 : 1e-5), `${name}: ${error}`);
      },
    );
