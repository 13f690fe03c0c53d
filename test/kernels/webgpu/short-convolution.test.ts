import * as tf from '#tfjs';
import test from 'ava';
import { shortConvolution } from '../../../src/ops/short-convolution.js';
import { needsAdverseWebgpu } from './adverse-device.js';
import { assertFusedAgrees, randomValues } from './fused-agrees.js';

for (const [batch, length, channels, taps] of [
  [1, 1, 8, 4],
  [2, 2, 7, 4],
  [2, 65, 35, 3],
  [1, 300, 260, 4],
  [2, 34, 8, 6],
  [1, 5, 8, 1],
] as const)
  test.serial(
    `the convolution of [${batch}, ${length}, ${channels}] over ${taps} tokens is as its formula`,
    async (t) => {
      if (!(await needsAdverseWebgpu(t))) return;
      const x = randomValues([batch, length, channels], 1);
      const weight = randomValues([channels, 1, taps], 2);
      const bias = randomValues([channels], 3);
      const state = randomValues([batch, taps - 1, channels], 4);
      for (const activation of ['silu', 'none'] as const) {
        await assertFusedAgrees(
          t,
          activation,
          (x, weight) => shortConvolution({ x: x as tf.Tensor3D, weight: weight, state: null }, activation).y,
          [x, weight],
        );
        await assertFusedAgrees(
          t,
          `${activation} with bias`,
          (x, weight, bias) =>
            shortConvolution({ x: x as tf.Tensor3D, weight: weight, bias: bias, state: null }, activation).y,
          [x, weight, bias],
        );
        if (taps === 1) continue;
        const continued = (x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, state: tf.Tensor) =>
          shortConvolution({ x: x as tf.Tensor3D, weight, bias, state: state as tf.Tensor3D }, activation);
        await assertFusedAgrees(
          t,
          `${activation} with state`,
          (x, weight, bias, state) => continued(x, weight, bias, state).y,
          [x, weight, bias, state],
        );
        await assertFusedAgrees(
          t,
          `the state after ${activation}`,
          (x, state) => continued(x, tf.zeros([channels, 1, taps]), tf.zeros([channels]), state).state!,
          [x, state],
        );
      }
    },
  );
