// A step of AdamW on the weights of a 340M model (24 layers of attention and SwiGLU, embedding and head), and the norm of its
// gradient.
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

const elements = MODEL.reduce((sum, shape) => sum + tf.util.sizeFromShape(shape), 0);
const common = {
  shape: `${MODEL.length} tensors, ${elements} weights`,
  precision: 'f32',
  flops: 0,
  bound: 'memory',
} as const;

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

export const cases: KernelCase[] = [
  {
    ...{ ...common, kernel: 'adamw', bytes: 28 * elements },
    prepare: () => {
      const weights = weightsOf(MODEL);
      const scale = tf.scalar(1);
      return {
        run: () => {
          adamW(weights, SETTINGS, 1, scale);
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
  },
  {
    ...{ ...common, kernel: 'gradient norm', bytes: 4 * elements },
    prepare: () => {
      const gradients = MODEL.map((shape, i) => randomTensor(shape, i));
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
  },
];
