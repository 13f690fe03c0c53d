import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../../src/backends/engine.js';
import { hasTttKernel } from '../../../src/kernels/webgpu/ttt-mini-batch.js';
import { tttLinear } from '../../../src/ops/ttt-mini-batch.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { fusedAgainstReference, randomTensor } from './fused-and-reference.js';

interface Shape {
  readonly batch: number;
  readonly heads: number;
  readonly length: number;
  readonly dim: number;
  readonly miniBatch: number;
  /** The first token's in its mini-batch; before it, others wait in the memory. */
  readonly place: number;
}

const SHAPES: Shape[] = [
  { batch: 1, heads: 2, length: 1, dim: 8, miniBatch: 16, place: 0 },
  { batch: 2, heads: 1, length: 1, dim: 16, miniBatch: 16, place: 15 },
  { batch: 1, heads: 1, length: 3, dim: 4, miniBatch: 16, place: 7 },
  { batch: 2, heads: 2, length: 17, dim: 4, miniBatch: 5, place: 3 },
  { batch: 1, heads: 2, length: 65, dim: 64, miniBatch: 16, place: 0 },
  { batch: 1, heads: 1, length: 45, dim: 12, miniBatch: 9, place: 0 },
];

for (const shape of SHAPES)
  test.serial(`fused TTT is the reference: ${JSON.stringify(shape)}`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    const { batch, heads, length, dim, miniBatch, place } = shape;
    (await startEngine('webgpu')).use();
    t.true(hasTttKernel(dim, miniBatch));
    const tokens = [batch, heads, length, dim];
    const weights = [batch, heads, dim + 1, dim];
    const near = dim ** -0.5;
    const inputs = {
      q: randomTensor(1, tokens, [-1, 1]),
      k: randomTensor(2, tokens, [-1, 1]),
      v: randomTensor(3, tokens),
      rate: randomTensor(4, [batch, heads, length, 1], [0, 1 / dim]),
      scale: randomTensor(5, [miniBatch], [0.1, 1]),
      normWeight: randomTensor(6, [heads, 1, dim], [0.5, 1.5]),
      normBias: randomTensor(7, [heads, 1, dim]),
      weights: randomTensor(8, weights, [-near, near]),
      ...(place === 0 ? {} : { pending: randomTensor(9, weights, [-near, near]) }),
    };
    const errors = await fusedAgainstReference<string>(inputs, (x) => {
      const { y, memory } = tttLinear(
        {
          ...{ q: x.q as tf.Tensor4D, k: x.k as tf.Tensor4D, v: x.v as tf.Tensor4D, rate: x.rate as tf.Tensor4D },
          ...{ scale: x.scale as tf.Tensor1D, norm: { weight: x.normWeight!, bias: x.normBias! } },
        },
        { weights: x.weights as tf.Tensor4D, pending: (x.pending as tf.Tensor4D | undefined) ?? null },
        place,
      );
      t.is(memory.pending === null, (place + length) % miniBatch === 0);
      return { y, weights: memory.weights, ...(memory.pending && { pending: memory.pending }) };
    });
    for (const [name, error] of Object.entries(errors))
      t.true(error < (name.startsWith('d ') ? 1e-4 : 1e-5), `${name}: ${error}`);
  });

test.serial('fused TTT leaves no tensor behind', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  (await startEngine('webgpu')).use();
  const zeros = tf.zeros<tf.Rank.R4>([1, 1, 16, 8]);
  const norm = { weight: tf.ones([1, 1, 8]), bias: tf.zeros([1, 1, 8]) };
  const memory = { weights: tf.zeros<tf.Rank.R4>([1, 1, 9, 8]), pending: null };
  const rest = { rate: tf.ones<tf.Rank.R4>([1, 1, 16, 1]), scale: tf.ones<tf.Rank.R1>([16]), norm };
  const before = tf.memory().numTensors;
  const { y, memory: after } = tttLinear({ q: zeros, k: zeros, v: zeros, ...rest }, memory, 0);
  t.is(tf.memory().numTensors, before + 2);
  tf.dispose([y, after.weights, zeros, rest.rate, rest.scale, norm.weight, norm.bias, memory.weights]);
});
