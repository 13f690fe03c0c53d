// The update of a training step: AdamW with clipped gradients, and the moments that go into a checkpoint.
import * as tf from '#tfjs';
import { adamW, clippingScale, globalNorm, type AdamWSettings, type AdamWWeight } from '../ops/adamw.js';

/** First and second moment of one weight's gradients. */
export interface Moments {
  readonly mean: tf.Tensor;
  readonly square: tf.Tensor;
}

/** Where the weights lie. */
export interface Weights {
  get(name: string): tf.Tensor;
  /** Puts another tensor of the same shape in its place, and frees the old one. */
  replace(name: string, tensor: tf.Tensor): void;
}

export interface OptimizerSettings extends Omit<AdamWSettings, 'learningRate'> {
  /** The largest norm of all gradients together; a larger one is scaled down to it. Null: never. */
  readonly maxGradNorm: number | null;
  /** Whether a parameter decays, by its name. */
  readonly decayed: (name: string) => boolean;
}

export class AdamWOptimizer {
  /** Updates that were made. */
  steps = 0;
  private readonly moments = new Map<string, Moments>();
  private readonly weights: Weights;
  private readonly settings: OptimizerSettings;

  constructor(weights: Weights, settings: OptimizerSettings) {
    this.weights = weights;
    this.settings = settings;
  }

  /** The norm of the mean of `parts` gradients, whose sums these are, all of them together, before it is clipped. */
  gradientNorm(sums: ReadonlyMap<string, tf.Tensor>, parts = 1): tf.Scalar {
    return tf.tidy(() => tf.div(globalNorm([...sums.values()]), parts) as tf.Scalar);
  }

  /**
   * One update with the mean of `parts` gradients, whose sums these are; the gradients are left to the caller.
   * @param norm what `gradientNorm` gave; finite, since an update with anything else cannot be undone
   */
  step(sums: ReadonlyMap<string, tf.Tensor>, learningRate: number, norm: number, parts = 1): void {
    this.steps += 1;
    const { maxGradNorm } = this.settings;
    const names = [...sums.keys()];
    const before = names.map((name): AdamWWeight => {
      const gradient = sums.get(name)!;
      const own = this.moments.get(name) ?? { mean: tf.zerosLike(gradient), square: tf.zerosLike(gradient) };
      return { gradient, weight: this.weights.get(name), ...own, decay: this.settings.decayed(name) };
    });
    const scale = tf.scalar((maxGradNorm === null ? 1 : clippingScale(norm, maxGradNorm)) / parts);
    const after = adamW(before, { ...this.settings, learningRate }, this.steps, scale);
    scale.dispose();
    names.forEach((name, k) => {
      const { weight, mean, square } = after[k]!;
      if (weight !== before[k]!.weight) this.weights.replace(name, weight);
      this.moments.set(name, { mean: tf.keep(mean), square: tf.keep(square) });
    });
  }

  /** By name, those of the weights that were updated. They change with the next step. */
  state(): ReadonlyMap<string, Moments> {
    return this.moments;
  }

  /** Goes on behind `steps` updates that left these moments, which it takes over. */
  restore(steps: number, moments: ReadonlyMap<string, Moments>): void {
    this.dispose();
    this.steps = steps;
    for (const [name, { mean, square }] of moments)
      this.moments.set(name, { mean: tf.keep(mean), square: tf.keep(square) });
  }

  dispose(): void {
    for (const { mean, square } of this.moments.values()) tf.dispose([mean, square]);
    this.moments.clear();
  }
}
