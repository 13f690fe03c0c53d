// AdamW (Loshchilov & Hutter 2019, algorithm 2), with the decay multiplied by the learning rate as in PyTorch. At step t, from 1:
//   m = beta1 m + (1 - beta1) g,   v = beta2 v + (1 - beta2) g^2,
//   w = w - rate (m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon) + decay w)
// Weights and moments are f32.
import * as tf from '#tfjs';
import { adamWInPlace, type AdamWFactors, type AdamWTensors } from '../kernels/webgpu/adamw.js';
import { normOf } from '../kernels/webgpu/sum-of-squares.js';

export type { AdamWTensors };

export interface AdamWSettings {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

/** A weight as it is optimised: its gradient, its moments, and whether it decays. */
export interface AdamWWeight extends AdamWTensors {
  readonly decay: boolean;
}

/**
 * The `step`-th step, counted from 1, with the gradients multiplied by `gradientScale` (`clippingScale`). It consumes weights
 * and moments and gives their successors in the same order; on webgpu these are the same tensors, changed in place.
 */
export function adamW(
  weights: readonly AdamWWeight[],
  settings: AdamWSettings,
  step: number,
  gradientScale: tf.Scalar,
): Omit<AdamWTensors, 'gradient'>[] {
  const [decayed, undecayed] = [settings.weightDecay, 0].map((decay) => factorsOf(settings, step, decay));
  if (tf.getBackend() !== 'webgpu')
    return weights.map((weight) => successors(weight, weight.decay ? decayed! : undecayed!, gradientScale));
  const inPlace = (decay: boolean, factors: AdamWFactors) =>
    adamWInPlace(
      weights.filter((weight) => weight.decay === decay),
      factors,
      gradientScale,
    );
  inPlace(true, decayed!);
  inPlace(false, undecayed!);
  return weights.map(({ weight, mean, square }) => ({ weight, mean, square }));
}

function factorsOf(settings: AdamWSettings, step: number, weightDecay: number): AdamWFactors {
  const { learningRate, beta1, beta2, epsilon } = settings;
  return {
    ...{ beta1, beta2, epsilon },
    stepSize: learningRate / (1 - beta1 ** step),
    squareScale: 1 / Math.sqrt(1 - beta2 ** step),
    decay: learningRate * weightDecay,
  };
}

function successors(tensors: AdamWTensors, factors: AdamWFactors, gradientScale: tf.Scalar) {
  const { beta1, beta2, stepSize, squareScale, epsilon, decay } = factors;
  const next = tf.tidy(() => {
    const gradient = tf.mul(tensors.gradient, gradientScale);
    const mean = tf.add(tf.mul(tensors.mean, beta1), tf.mul(gradient, 1 - beta1));
    const square = tf.add(tf.mul(tensors.square, beta2), tf.mul(tf.square(gradient), 1 - beta2));
    const change = tf.div(tf.mul(mean, stepSize), tf.add(tf.mul(tf.sqrt(square), squareScale), epsilon));
    return { weight: tf.sub(tf.sub(tensors.weight, tf.mul(tensors.weight, decay)), change), mean, square };
  });
  tf.dispose([tensors.weight, tensors.mean, tensors.square]);
  return next;
}

/** sqrt of the sum of the squares of all elements. */
export function globalNorm(tensors: readonly tf.Tensor[]): tf.Scalar {
  if (tf.getBackend() === 'webgpu') return normOf(tensors);
  return tf.tidy(() => tf.sqrt(tf.addN(tensors.map((tensor) => tf.sum(tf.square(tensor))))) as tf.Scalar);
}

/** What gradients of this norm are multiplied with so that it is `most` at the most (PyTorch's `clip_grad_norm_`). */
export function clippingScale(norm: number, most: number): number {
  return Math.min(most / (norm + 1e-6), 1);
}
