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

  /**
   * One update with the mean of `parts` gradients, whose sums these are; the gradients are left to the caller.
   * @returns the norm of the mean before it is clipped.
   */
  step(gradients: ReadonlyMap<string, tf.Tensor>, learningRate: number, parts = 1): tf.Scalar {
    this.steps += 1;
    const names = [...gradients.keys()];
    const before = names.map((name): AdamWWeight => {
      const gradient = gradients.get(name)!;
      const own = this.moments.get(name) ?? { mean: tf.zerosLike(gradient), square: tf.zerosLike(gradient) };
      return { gradient, weight: this.weights.get(name), ...own, decay: this.settings.decayed(name) };
    });
    const { norm, scale } = this.normAndScale([...gradients.values()], parts);
    const after = adamW(before, { ...this.settings, learningRate }, this.steps, scale);
    scale.dispose();
    names.forEach((name, k) => {
      const { weight, mean, square } = after[k]!;
      if (weight !== before[k]!.weight) this.weights.replace(name, weight);
      this.moments.set(name, { mean: tf.keep(mean), square: tf.keep(square) });
    });
    return norm;
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

  private normAndScale(sums: readonly tf.Tensor[], parts: number): { norm: tf.Scalar; scale: tf.Scalar } {
    const { maxGradNorm } = this.settings;
    return tf.tidy(() => {
      const norm = parts === 1 ? globalNorm(sums) : (tf.div(globalNorm(sums), parts) as tf.Scalar);
      const clipping = maxGradNorm === null ? tf.scalar(1) : clippingScale(norm, maxGradNorm);
      return { norm, scale: parts === 1 ? clipping : (tf.div(clipping, parts) as tf.Scalar) };
    });
  }
}
