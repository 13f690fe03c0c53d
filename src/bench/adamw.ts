// AdamW (Loshchilov & Hutter 2019) in tensor operations, for the training cells of `bench`:
//   m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,  w = w - lr (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + decay w)
import * as tf from '#tfjs';
import { scope } from '../ops/scope.js';

/** Updates a model's weights with the gradients of one step. */
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

const [BETA1, BETA2, EPSILON] = [0.9, 0.95, 1e-8];
const LEARNING_RATE = 1e-5;
const DECAY = 0.1;

/** @param decayed whether AdamW decays the parameter of a name */
export function adamW(weights: Weights, decayed: (name: string) => boolean): Optimizer {
  const moments = new Map<string, { m: tf.Tensor; v: tf.Tensor }>();
  let steps = 0;
  return {
    step(gradients) {
      steps += 1;
      for (const [name, gradient] of gradients) {
        const weight = weights.get(name);
        const before = moments.get(name);
        const next = scope(() => {
          const m = average(before?.m, gradient, BETA1);
          const v = average(before?.v, tf.square(gradient), BETA2);
          const update = tf.div(tf.div(m, 1 - BETA1 ** steps), tf.add(tf.sqrt(tf.div(v, 1 - BETA2 ** steps)), EPSILON));
          const kept = tf.mul(weight, decayed(name) ? 1 - LEARNING_RATE * DECAY : 1);
          return { m, v, weight: tf.sub(kept, tf.mul(update, LEARNING_RATE)) };
        });
        tf.dispose([before?.m, before?.v].filter((tensor) => tensor !== undefined));
        moments.set(name, { m: tf.keep(next.m), v: tf.keep(next.v) });
        weights.replace(name, next.weight);
      }
    },
    dispose() {
      for (const { m, v } of moments.values()) tf.dispose([m, v]);
      moments.clear();
    },
  };
}

function average(before: tf.Tensor | undefined, value: tf.Tensor, beta: number): tf.Tensor {
  const added = tf.mul(value, 1 - beta);
  return before === undefined ? added : tf.add(tf.mul(before, beta), added);
}
