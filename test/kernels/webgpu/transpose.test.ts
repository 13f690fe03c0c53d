import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../../src/backends/engine.js';
import '../../../src/kernels/register.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { assertFusedAgrees, randomValues } from './fused-agrees.js';

for (const [shape, perm] of [
  [
    [2, 17, 3, 8],
    [0, 2, 1, 3],
  ],
  [
    [2, 3, 5, 7],
    [2, 0, 1, 3],
  ],
  [
    [5, 4, 6],
    [1, 0, 2],
  ],
  [
    [2, 5, 4],
    [0, 2, 1],
  ],
  [
    [2, 1, 3, 8],
    [0, 2, 1, 3],
  ],
  [
    [2, 3, 2, 3, 4],
    [0, 2, 1, 3, 4],
  ],
] as const)
  test.serial(`[${shape.join(', ')}] is transposed by [${perm.join(', ')}] on webgpu`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    await assertFusedAgrees(t, 'transpose', (x) => tf.transpose(x, [...perm]), [randomValues(shape, 1)]);
  });

test.serial('dimensions of one element move without a copy, and the input may go', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  (await startEngine('webgpu')).use();
  const x = tf.reshape(tf.range(0, 24), [2, 1, 3, 4]);
  const buffers = tf.memory().numDataBuffers;
  const y = tf.transpose(x, [0, 2, 1, 3]);
  t.is(tf.memory().numDataBuffers, buffers);
  x.dispose();
  t.deepEqual(y.shape, [2, 3, 1, 4]);
  t.deepEqual(
    [...(await y.data())],
    Array.from({ length: 24 }, (_, i) => i),
  );
  y.dispose();
});

test.serial('tensors of one shape, and of others, are added on webgpu', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  const [a, b] = [randomValues([3, 17], 1), randomValues([3, 17], 2)];
  await assertFusedAgrees(t, 'one shape', (a, b) => tf.add(a!, b!), [a, b]);
  await assertFusedAgrees(t, 'a bias', (a, b) => tf.add(a!, b!), [a, randomValues([17], 3)]);
  await assertFusedAgrees(t, 'a tensor to itself', (a) => tf.add(a!, a!), [a]);
});
