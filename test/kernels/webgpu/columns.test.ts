import * as tf from '#tfjs';
import test from 'ava';
import { splitColumns } from '../../../src/ops/split-columns.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { assertFusedAgrees, randomValues } from './fused-agrees.js';

for (const sizes of [
  [4, 4],
  [3, 5, 2],
  [8, 16, 12],
])
  test.serial(`columns are cut into ${sizes.join(', ')} on webgpu, and their gradients joined`, async (t) => {
    if (!(await needsAdverseWebgpu(t))) return;
    const columns = sizes.reduce((sum, size) => sum + size);
    // Turned round, so that a piece in the wrong place is seen.
    const reversed = (x: tf.Tensor) => tf.concat([...splitColumns(x, sizes)].reverse(), 2);
    await assertFusedAgrees(t, 'columns', reversed, [randomValues([2, 17, columns], 1)]);
  });
