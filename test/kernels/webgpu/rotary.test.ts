import type * as tf from '#tfjs';
import test from 'ava';
import { rotate, rotateNeighbours } from '../../../src/ops/rotary.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { assertFusedAgrees, randomValues } from './fused-agrees.js';

for (const [shape, position] of [
  [[1, 1, 1, 64], 0],
  [[2, 3, 17, 6], 5],
  [[1, 2, 65, 64], 300],
  [[2, 1, 130, 20], 0],
  [[1, 2, 600, 64], 65_000],
  [[1, 1, 3, 128], 1_000_000],
] as const)
  test.serial(
    `rotations of [${shape.join(', ')}] from position ${position} are as their formulas on webgpu`,
    async (t) => {
      if (!(await needsAdverseWebgpu(t))) return;
      const x = randomValues(shape, 1);
      await assertFusedAgrees(t, 'halves', (x) => rotate(x as tf.Tensor4D, 10000, position), [x]);
      await assertFusedAgrees(t, 'neighbours', (x) => rotateNeighbours(x as tf.Tensor4D, 10000, position, 16), [x]);
    },
  );
