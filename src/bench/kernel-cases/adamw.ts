// Steps of AdamW on the weights of a 340M model (24 layers of attention and SwiGLU, embedding and head), and the norm of its
// gradient; both on one large tensor too, where nothing is left of the time that each of many dispatches costs.
import * as tf from '#tfjs';
import { adamW, globalNorm, type AdamWWeight } from '../../ops/adamw.js';
import type { KernelCase } from '../kernel-case.js';
import { relativeError, randomTensor, randomValues } from '../kernel-inputs.js';

const [HIDDEN, INNER, LAYERS, VOCABULARY] = [1024, 2816, 24, 32000];
const LAYER = [
  ...Array.from({ length: 4 }, () => [HIDDEN, HIDDEN]),
  ...Array.from({ length: 3 }, () => [INNER, HIDDEN]),
  [HIDDEN],
  [HIDDEN],
];
const MODEL = [
  [VOCABULARY, HIDDEN],
  [VOCABULARY, HIDDEN],
  [HIDDEN],
  ...Array.from({ length: LAYERS }, () => LAYER).flat(),
];
const SMALL = [[3, 5], [7], [12, 4], [7]];
const SETTINGS = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };

const ONE = [[65536, 1024]];

function weightsOf(shapes: readonly number[][]): AdamWWeight[] {
  return shapes.map((shape, i) => ({
    weight: randomTensor(shape, 2 * i),
    gradient: randomTensor(shape, 2 * i + 1),
    mean: tf.zeros(shape),
    square: tf.zeros(shape),
    decay: shape.length > 1,
  }));
}

const disposeAll = (weights: readonly AdamWWeight[]) =>
  weights.forEach(({ weight, gradient, mean, square }) => tf.dispose([weight, gradient, mean, square]));

function commonOf(kernel: string, shapes: readonly number[][], bytesOfWeight: number) {
  const elements = shapes.reduce((sum, shape) => sum + tf.util.sizeFromShape(shape), 0);
  const shape = `${shapes.length} tensor${shapes.length === 1 ? '' : 's'}, ${elements} weights`;
  return { kernel, shape, precision: 'f32', flops: 0, bytes: bytesOfWeight * elements, bound: 'memory' } as const;
}

const stepCase = (shapes: readonly number[][]): KernelCase => ({
  ...commonOf('adamw', shapes, 28),
  prepare: () => {
    const weights = weightsOf(shapes);
    const scale = tf.scalar(1);
    let step = 0;
    return {
      run: () => {
        adamW(weights, SETTINGS, ++step, scale);
        return [];
      },
      dispose: () => {
        disposeAll(weights);
        scale.dispose();
      },
    };
  },
  // From moments of zero the first step is rate * (sign of the gradient + decay * weight), but for epsilon.
  error: async () => {
    const weights = weightsOf(SMALL);
    const scale = tf.scalar(1);
    adamW(weights, SETTINGS, 1, scale);
    const errors = await Promise.all(
      weights.map(async ({ weight, decay }, i) => {
        const before = randomValues(SMALL[i]!, 2 * i);
        const gradient = randomValues(SMALL[i]!, 2 * i + 1);
        const wanted = Array.from(before, (w, k) => {
          const g = gradient[k]!;
          const { learningRate, epsilon, weightDecay } = SETTINGS;
          return w - learningRate * (g / (Math.abs(g) + epsilon) + (decay ? weightDecay * w : 0));
        });
        return relativeError(await weight.data(), wanted);
      }),
    );
    disposeAll(weights);
    scale.dispose();
    return Math.max(...errors);
  },
});

const normCase = (shapes: readonly number[][]): KernelCase => ({
  ...commonOf('gradient norm', shapes, 4),
  prepare: () => {
    const gradients = shapes.map((shape, i) => randomTensor(shape, i));
    return { run: () => [globalNorm(gradients)], dispose: () => tf.dispose(gradients) };
  },
  error: async () => {
    const gradients = SMALL.map((shape, i) => randomTensor(shape, i));
    const norm = globalNorm(gradients);
    const wanted = Math.hypot(...SMALL.map((shape, i) => Math.hypot(...randomValues(shape, i))));
    const found = await norm.data();
    tf.dispose([...gradients, norm]);
    return relativeError(found, [wanted]);
  },
});

export const cases: KernelCase[] = [stepCase(MODEL), stepCase(ONE), normCase(MODEL), normCase(ONE)];
