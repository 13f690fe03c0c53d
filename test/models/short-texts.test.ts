import * as tf from '#tfjs';
import test from 'ava';
import { listBaselines } from '../../src/models/registry.js';
import { randomIds, startSpec } from './forms-agree.js';

for (const { name } of await listBaselines())
  test.serial(`${name} learns from texts of a few tokens`, async (t) => {
    const model = await startSpec(`${name}:tiny`);
    const train = async (length: number) => {
      const ids = randomIds(2, length);
      const { loss, gradients } = model.lossAndGradients(ids);
      const sums = await Promise.all([...gradients.values()].map((gradient) => tf.sum(tf.abs(gradient)).data()));
      t.true(sums.every(([sum]) => Number.isFinite(sum)));
      t.true(sums.some(([sum]) => sum! > 0));
      tf.dispose([ids, loss, ...gradients.values()]);
    };
    for (const length of [2, 17]) await train(length);
    model.dispose();
  });
