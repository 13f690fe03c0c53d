import * as tf from '#tfjs';
import test, { type ExecutionContext } from 'ava';
import { startEngine, type BackendName } from '../../src/backends/engine.js';
import { adamW, clippingScale, globalNorm, type AdamWSettings, type AdamWWeight } from '../../src/ops/adamw.js';
import { randomValues } from '../kernels/webgpu/fused-agrees.js';
import { needsWebgpu } from '../webgpu.js';
import { relativeDifference } from './differences.js';

const SETTINGS: AdamWSettings = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
// More of one size than a dispatch takes, and sizes that do not divide by four.
const SHAPES = [[3, 4], [5], [1030, 4], [3, 4], [7], [12], [65, 33], ...Array.from({ length: 5 }, () => [4, 3])];
const STEPS = 3;
const CLIP = 0.5;

const start = SHAPES.map((shape, i) => randomValues(shape, i + 1));
const decays = SHAPES.map((shape) => shape.length > 1);
const gradientAt = (step: number) => SHAPES.map((shape, i) => randomValues(shape, 100 * step + i));

/** The formula in f64. */
function wantedWeights(): { weights: Float64Array[]; norms: number[] } {
  const weights = start.map(({ values }) => Float64Array.from(values));
  const means = weights.map(({ length }) => new Float64Array(length));
  const squares = weights.map(({ length }) => new Float64Array(length));
  const { learningRate, beta1, beta2, epsilon, weightDecay } = SETTINGS;
  const norms: number[] = [];
  for (let step = 1; step <= STEPS; step++) {
    const gradients = gradientAt(step);
    const norm = Math.hypot(...gradients.map(({ values }) => Math.hypot(...values)));
    norms.push(norm);
    weights.forEach((weight, i) => {
      for (let k = 0; k < weight.length; k++) {
        const g = gradients[i]!.values[k]! * Math.min(1, CLIP / (norm + 1e-6));
        means[i]![k] = beta1 * means[i]![k]! + (1 - beta1) * g;
        squares[i]![k] = beta2 * squares[i]![k]! + (1 - beta2) * g * g;
        const mean = means[i]![k]! / (1 - beta1 ** step);
        const square = squares[i]![k]! / (1 - beta2 ** step);
        weight[k]! -=
          learningRate * (mean / (Math.sqrt(square) + epsilon) + (decays[i] ? weightDecay * weight[k]! : 0));
      }
    });
  }
  return { weights, norms };
}

async function assertSteps(t: ExecutionContext, backend: BackendName): Promise<void> {
  (await startEngine(backend)).use();
  const before = tf.memory().numTensors;
  let slots = start.map(({ values, shape }) => ({
    weight: tf.tensor(values, [...shape]),
    mean: tf.zeros([...shape]),
    square: tf.zeros([...shape]),
  }));
  const wanted = wantedWeights();
  // What was read of a weight must not be what is read after a step.
  await slots[0]!.weight.data();
  for (let step = 1; step <= STEPS; step++) {
    const gradients = gradientAt(step).map(({ values, shape }) => tf.tensor(values, [...shape]));
    const norm = globalNorm(gradients);
    const [length] = await norm.data();
    const scale = tf.scalar(clippingScale(length!, CLIP));
    const weights: AdamWWeight[] = slots.map((slot, i) => ({ ...slot, gradient: gradients[i]!, decay: decays[i]! }));
    slots = adamW(weights, SETTINGS, step, scale) as typeof slots;
    const off = Math.abs(length! / wanted.norms[step - 1]! - 1);
    t.true(off < 1e-6, `the norm is off by ${off}`);
    tf.dispose([...gradients, norm, scale]);
  }
  for (const [i, { weight }] of slots.entries()) {
    const off = relativeDifference(await weight.data(), wanted.weights[i]!);
    t.true(off < 1e-6, `weight ${i} is off by ${off}`);
  }
  slots.forEach((slot) => tf.dispose([slot.weight, slot.mean, slot.square]));
  t.is(tf.memory().numTensors, before);
}

test.serial('three clipped steps of AdamW are those of the formula in f64', (t) => assertSteps(t, 'cpu'));

test.serial('three clipped steps of AdamW are those of the formula in f64 on webgpu, in place', async (t) => {
  if (await needsWebgpu(t)) await assertSteps(t, 'webgpu');
});

test.serial('the norm of large and of many tensors is that of f64 on webgpu, in equal bits each time', async (t) => {
  if (!(await needsWebgpu(t))) return;
  (await startEngine('webgpu')).use();
  const values = [[40, 1031], [300, 1000], ...Array.from({ length: 20 }, () => [3, 8])].map((shape, i) =>
    randomValues(shape, i + 1),
  );
  const norms: number[] = [];
  for (let i = 0; i < 2; i++) {
    const tensors = values.map(({ values, shape }) => tf.tensor(values, [...shape]));
    const norm = globalNorm(tensors);
    norms.push((await norm.data())[0]!);
    tf.dispose([...tensors, norm]);
  }
  const off = Math.abs(
    norms[0]! / Math.hypot(...values.map(({ values }) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0)))) - 1,
  );
  t.true(off < 1e-6, `the norm is off by ${off}`);
  t.is(norms[0], norms[1]);
});
