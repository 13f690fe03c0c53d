import type * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../../src/backends/engine.js';
import { hasNeuralMemoryKernel } from '../../../src/kernels/webgpu/neural-memory.js';
import { neuralMemory } from '../../../src/ops/neural-memory.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { fusedAgainstReference, randomTensor } from './fused-and-reference.js';

interface Shape {
  readonly batch: number;
  readonly heads: number;
  readonly length: number;
  readonly dim: number;
  readonly chunk: number;
  /** Tokens of the chunk under way that the state has seen. */
  readonly seen: number;
  /** Gates from exp(-gate) to 1 a token. */
  readonly gate: number;
}

const SHAPES: Shape[] = [
  { batch: 1, heads: 2, length: 1, dim: 8, chunk: 16, seen: 0, gate: 0.5 },
  { batch: 2, heads: 1, length: 1, dim: 16, chunk: 16, seen: 15, gate: 0.5 },
  { batch: 1, heads: 1, length: 3, dim: 4, chunk: 16, seen: 7, gate: 0.5 },
  { batch: 2, heads: 2, length: 17, dim: 12, chunk: 5, seen: 3, gate: 0.2 },
  { batch: 1, heads: 2, length: 65, dim: 64, chunk: 16, seen: 0, gate: 0.1 },
  { batch: 1, heads: 1, length: 40, dim: 128, chunk: 16, seen: 0, gate: 0.1 },
  { batch: 1, heads: 1, length: 20, dim: 128, chunk: 8, seen: 0, gate: 0.1 }, // the gradient's, in 32 KiB of workgroup memory
  { batch: 1, heads: 1, length: 36, dim: 8, chunk: 9, seen: 0, gate: 200 },
];

for (const shape of SHAPES)
  test.serial(`the fused neural memory is the reference: ${JSON.stringify(shape)}`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    const { batch, heads, length, dim, chunk, seen, gate } = shape;
    (await startEngine('webgpu')).use();
    t.true(hasNeuralMemoryKernel(dim, chunk));
    const tokens = [batch, heads, length, dim];
    const gates = [batch, heads, length];
    const matrix = [batch, heads, dim, dim];
    const near = Math.sqrt(3 / dim);
    const inputs = {
      q: randomTensor(1, tokens, [-near, near]),
      k: randomTensor(2, tokens, [-near, near]),
      v: randomTensor(3, tokens),
      logKeep: randomTensor(4, gates, [-gate, 0]),
      logMomentum: randomTensor(5, gates, [-gate, 0]),
      stepSize: randomTensor(6, gates, [0, 1 / chunk]),
      memory: randomTensor(7, matrix),
      momentum: randomTensor(8, matrix),
      ...(seen === 0 ? {} : { chunkStart: randomTensor(9, matrix) }),
    };
    const errors = await fusedAgainstReference<string>(inputs, (x) => {
      const { o, state } = neuralMemory(
        {
          ...{ q: x.q as tf.Tensor4D, k: x.k as tf.Tensor4D, v: x.v as tf.Tensor4D },
          ...{ logKeep: x.logKeep as tf.Tensor3D, logMomentum: x.logMomentum as tf.Tensor3D },
          stepSize: x.stepSize as tf.Tensor3D,
          state: {
            ...{ memory: x.memory as tf.Tensor4D, momentum: x.momentum as tf.Tensor4D },
            chunkStart: (x.chunkStart as tf.Tensor4D | undefined) ?? null,
          },
        },
        { chunk, seen },
      );
      const { chunkStart, ...matrices } = state;
      t.is(chunkStart === null, (seen + length) % chunk === 0);
      return { o, ...matrices, ...(chunkStart && { chunkStart }) };
    });
    for (const [name, error] of Object.entries(errors))
      t.true(error < (name.startsWith('d ') ? 1e-4 : 1e-5), `${name}: ${error}`);
  });
