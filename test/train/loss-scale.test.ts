import * as tf from '#tfjs';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { AdamWOptimizer } from '../../src/models/adamw-optimizer.js';
import type { Decoder } from '../../src/models/decoder.js';
import { Parameters } from '../../src/models/parameters.js';
import { LossScale } from '../../src/train/loss-scale.js';
import { trainStep } from '../../src/train/train-step.js';

test('the scale is halved as long as there is a smaller one, and doubled again behind 2,000 steps, to what it was at the most', (t) => {
  const scale = new LossScale(4096);
  t.true(scale.halve() && scale.halve());
  t.is(scale.value, 1024);
  for (let step = 0; step < 1999; step++) scale.keep();
  t.is(scale.value, 1024);
  scale.keep();
  t.is(scale.value, 2048);
  for (let step = 0; step < 6000; step++) scale.keep();
  t.is(scale.value, 4096);
  let halvings = 0;
  while (scale.halve()) halvings++;
  t.is(halvings, 16);
});

test('it goes on from a checkpoint', (t) => {
  const scale = new LossScale(4096);
  scale.halve();
  for (let step = 0; step < 1999; step++) scale.keep();
  const next = new LossScale(4096, scale.state());
  t.is(next.value, 2048);
  next.keep();
  t.is(next.value, 4096);
});

/** One weight, whose gradient is `gradient` unless the scale is above `most`: then it is infinite. */
function modelWhose(
  gradient: number,
  most: number,
  loss = 2,
): { model: Decoder; parameters: Parameters; scales: number[] } {
  const parameters = new Parameters();
  parameters.set('w', new Float32Array([1]), [1]);
  const scales: number[] = [];
  const model = {
    lossAndGradients: (_: tf.Tensor2D, scale: number) => {
      scales.push(scale);
      return {
        loss: tf.scalar(loss),
        gradients: new Map([['w', tf.tensor1d([scale > most ? Infinity : gradient])]]),
      };
    },
  } as unknown as Decoder;
  return { model, parameters, scales };
}

const SETTINGS = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0, maxGradNorm: null, decayed: () => false };
const ROWS = [[new Int32Array([1, 2])]];

test.serial('gradients that leave f16 are computed again with a smaller scale before there is an update', async (t) => {
  (await startEngine('cpu')).use();
  const before = tf.memory().numTensors;
  const { model, parameters, scales } = modelWhose(0.5, 300);
  const optimizer = new AdamWOptimizer(parameters, SETTINGS);
  t.deepEqual(await trainStep(model, optimizer, ROWS, 0.01, new LossScale(1024)), { loss: 2, gradNorm: 0.5 });
  t.deepEqual(scales, [1024, 512, 256]);
  t.is(optimizer.steps, 1);
  const [weight] = await parameters.get('w').data();
  t.true(Math.abs(weight! - 0.99) < 1e-6, `${weight}`);
  optimizer.dispose();
  parameters.dispose();
  t.is(tf.memory().numTensors, before);
});

test.serial(
  'where no scale helps, nothing is scaled, or the loss is no number, weights and moments stay',
  async (t) => {
    (await startEngine('cpu')).use();
    const cases: readonly (readonly [loss: number, largest: number, tries: number])[] = [
      [2, 1024, 17],
      [2, 1, 1],
      [NaN, 1024, 1],
    ];
    for (const [loss, largest, tries] of cases) {
      const { model, parameters, scales } = modelWhose(0.5, 0, loss);
      const optimizer = new AdamWOptimizer(parameters, SETTINGS);
      t.is((await trainStep(model, optimizer, ROWS, 0.01, new LossScale(largest))).gradNorm, Infinity);
      t.is(scales.length, tries);
      t.is(optimizer.steps, 0);
      t.deepEqual([...(await parameters.get('w').data())], [1]);
      optimizer.dispose();
      parameters.dispose();
    }
  },
);
