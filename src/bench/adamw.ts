// The update of a training cell: AdamW with clipped gradients, as training does it.
import * as tf from '#tfjs';
import { adamW, clippingScale, globalNorm, type AdamWSettings, type AdamWWeight } from '../ops/adamw.js';

/** Updates a model's weights with the gradients of one step, which it leaves to the caller. */
export interface Optimizer {
  step(gradients: ReadonlyMap<string, tf.Tensor>): void;
  dispose(): void;
}

/** Where the weights lie. */
export interface Weights {
  get(name: string): tf.Tensor;
  /** Puts another tensor of the same shape in its place, and frees the old one. */
  replace(name: string, tensor: tf.Tensor): void;
}

const SETTINGS: AdamWSettings = { learningRate: 1e-5, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
const MOST_NORM = 1;

/** @param decayed whether AdamW decays the parameter of a name */
export function createAdamW(weights: Weights, decayed: (name: string) => boolean): Optimizer {
  const moments = new Map<string, { mean: tf.Tensor; square: tf.Tensor }>();
  let steps = 0;
  return {
    step(gradients) {
      steps += 1;
      const names = [...gradients.keys()];
      const before = names.map((name): AdamWWeight => {
        const gradient = gradients.get(name)!;
        const own = moments.get(name) ?? { mean: tf.zerosLike(gradient), square: tf.zerosLike(gradient) };
        return { gradient, weight: weights.get(name), ...own, decay: decayed(name) };
      });
      const scale = tf.tidy(() => clippingScale(globalNorm([...gradients.values()]), MOST_NORM));
      const after = adamW(before, SETTINGS, steps, scale);
      scale.dispose();
      names.forEach((name, k) => {
        const { weight, mean, square } = after[k]!;
        if (weight !== before[k]!.weight) weights.replace(name, weight);
        moments.set(name, { mean: tf.keep(mean), square: tf.keep(square) });
      });
    },
    dispose() {
      for (const { mean, square } of moments.values()) tf.dispose([mean, square]);
      moments.clear();
    },
  };
}
