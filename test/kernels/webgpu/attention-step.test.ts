import * as tf from '#tfjs';
import test from 'ava';
import { startEngine, type BackendName } from '../../../src/backends/engine.js';
import { attendAsStep, type AttentionStepAttributes } from '../../../src/ops/attention-step.js';
import { relativeDifference } from '../../ops/differences.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { randomTensor, type HostTensor } from './fused-and-reference.js';

interface Case extends AttentionStepAttributes {
  readonly batch: number;
  readonly kvHeads: number;
  readonly dim: number;
  readonly capacity: number;
}

const common = { slopes: null, activation: 'softmax', ropeTheta: 10_000, closed: true } as const;
const CASES: readonly Case[] = [
  { ...common, batch: 1, heads: 4, kvHeads: 4, dim: 64, capacity: 70, position: 0 },
  { ...common, batch: 2, heads: 4, kvHeads: 2, dim: 12, capacity: 70, position: 37 },
  { ...common, batch: 2, heads: 6, kvHeads: 2, dim: 64, capacity: 70, position: 1000, activation: 'sigmoid' },
  { ...common, batch: 1, heads: 2, kvHeads: 1, dim: 128, capacity: 200, position: 199, ropeTheta: null },
  { ...common, batch: 3, heads: 3, kvHeads: 3, dim: 4, capacity: 1, position: 5, activation: 'sigmoid' },
  { ...common, batch: 1, heads: 2, kvHeads: 2, dim: 20, capacity: 5000, position: 4998, closed: false },
  { ...common, batch: 1, heads: 2, kvHeads: 1, dim: 64, capacity: 70, position: 70_001 },
].map((shape) => ({ ...shape, slopes: shape.activation === 'sigmoid' ? slopesOf(shape.heads) : null }) as Case);

function slopesOf(heads: number): number[] {
  return Array.from({ length: heads }, (_, head) => 0.02 * (head - 1));
}

async function valuesOn(backend: BackendName, { batch, kvHeads, dim, capacity, ...attributes }: Case) {
  (await startEngine(backend)).use();
  const upload = ({ values, shape }: HostTensor) => tf.tensor(values.slice(), [...shape]);
  const inputs = {
    qkv: upload(randomTensor(1, [batch, (attributes.heads + 2 * kvHeads) * dim])) as tf.Tensor2D,
    keys: upload(randomTensor(2, [batch, capacity, kvHeads, dim])) as tf.Tensor4D,
    values: upload(randomTensor(3, [batch, capacity, kvHeads, dim])) as tf.Tensor4D,
  };
  const outputs = tf.tidy(() => attendAsStep(inputs, attributes));
  return Promise.all(outputs.map((output) => output.data()));
}

test.serial('one token attends to a ring of keys, and takes its place there', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  for (const shape of CASES) {
    const [found, wanted] = [await valuesOn('webgpu', shape), await valuesOn('wasm', shape)];
    wanted.forEach((values, i) => {
      const off = relativeDifference(found[i]!, values);
      t.true(off < 2e-6, `output ${i} at ${JSON.stringify(shape)}: off by ${off}`);
    });
  }
});
