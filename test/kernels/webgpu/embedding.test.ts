import * as tf from '#tfjs';
import test from 'ava';
import { embedGradient } from '../../../src/kernels/webgpu/embedding.js';
import { embedding } from '../../../src/ops/embedding.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { assertFusedAgrees, randomValues } from './fused-agrees.js';

// Low ids are frequent, and most high ones do not occur, as in a text.
const idsOf = (count: number, vocabulary: number) =>
  randomValues([count], 5).values.map((x) => Math.floor(Math.abs(x) ** 3 * vocabulary));

for (const [vocabulary, width, ids] of [
  [7, 5, [1]],
  [37, 8, [2, 65]],
  [20, 12, [9000]],
  [31, 36, [2051]],
  [32, 4, [512]],
  [40, 1028, [3, 7]],
  [300, 8, [1500]],
] as const)
  test.serial(
    `${ids.join(' x ')} ids of ${vocabulary} x ${width} are looked up, and their gradients added`,
    async (t) => {
      if (!(await needsAdverseWebgpu(t))) return;
      const count = ids.reduce((n: number, size) => n * size, 1);
      const values = idsOf(count, vocabulary);
      await assertFusedAgrees(
        t,
        'embedding',
        (weight) => embedding({ weight: weight as tf.Tensor2D, ids: tf.tensor(values, [...ids], 'int32') }, null),
        [randomValues([vocabulary, width], 1)],
      );
    },
  );

test.serial('ids that do not occur have a gradient of zero, ids outside the vocabulary none', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  const [ids, dy] = [tf.tensor1d([66, 3, -1, 70, 3, 32], 'int32'), tf.ones([6, 3])];
  const gradient = embedGradient(ids, dy, 67);
  const sums = [...((await tf.sum(gradient, 1).data()) as Float32Array)];
  t.deepEqual(
    sums,
    sums.map((_, id) => 3 * [3, 3, 32, 66].filter((other) => other === id).length),
  );
  tf.dispose([ids, dy, gradient]);
});

test.serial('the gradient of an id that every token has is the sum of all rows', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  const tokens = 1030;
  const [ids, dy] = [tf.fill([tokens], 5, 'int32'), tf.ones([tokens, 36])];
  const gradient = embedGradient(ids, dy, 6);
  t.deepEqual([...((await tf.sum(gradient, 1).data()) as Float32Array)], [0, 0, 0, 0, 0, 36 * tokens]);
  tf.dispose([ids, dy, gradient]);
});

test.serial('equal gradients have equal bits', async (t) => {
  if (!(await needsAdverseWebgpu(t))) return;
  const bits = async () => {
    const [ids, dy] = [tf.tensor1d(idsOf(3000, 40), 'int32'), tf.tensor(randomValues([3000, 8], 6).values, [3000, 8])];
    const gradient = embedGradient(ids, dy, 40);
    const values = await gradient.data();
    tf.dispose([ids, dy, gradient]);
    return [...new Uint32Array(values.buffer, values.byteOffset, values.length)];
  };
  t.deepEqual(await bits(), await bits());
});
