import * as tf from '#tfjs';
import test from 'ava';
import { embedding } from '../../../src/ops/embedding.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { assertFusedAgrees, randomValues } from './fused-agrees.js';

for (const [vocabulary, width, ids] of [
  [7, 5, [1]],
  [37, 8, [2, 65]],
  [20, 12, [9000]],
  [40, 1028, [3, 7]],
] as const)
  test.serial(
    `${ids.join(' x ')} ids of ${vocabulary} x ${width} are looked up, and their gradients added`,
    async (t) => {
      if (!(await needsAdverseWebgpu(t))) return;
      const count = ids.reduce((n: number, size) => n * size, 1);
      // Low ids are frequent, and most high ones do not occur, as in a text.
      const values = randomValues([count], 5).values.map((x) => Math.floor(Math.abs(x) ** 3 * vocabulary));
      await assertFusedAgrees(
        t,
        'embedding',
        (weight) => embedding({ weight: weight as tf.Tensor2D, ids: tf.tensor(values, [...ids], 'int32') }, null),
        [randomValues([vocabulary, width], 1)],
      );
    },
  );
