// One step: the batches one after the other, their gradients added up, one update.
import * as tf from '#tfjs';
import type { AdamWOptimizer } from '../models/adamw-optimizer.js';
import type { Decoder } from '../models/decoder.js';
import type { LossScale } from './loss-scale.js';

export interface StepResult {
  /** Mean over all predictions of the step, in nats. */
  readonly loss: number;
  /** Of all gradients together, before clipping. */
  readonly gradNorm: number;
}

/**
 * Where the loss or, at every scale, the gradients are no numbers, there is no update.
 * @param batches rows of equal length each, which predict the tokens behind their first ones
 */
export async function trainStep(
  model: Decoder,
  optimizer: AdamWOptimizer,
  batches: readonly (readonly Int32Array[])[],
  learningRate: number,
  scale: LossScale,
): Promise<StepResult> {
  for (;;) {
    const { gradients, ...result } = await summedGradients(model, optimizer, batches, scale.value);
    const finite = Number.isFinite(result.loss) && Number.isFinite(result.gradNorm);
    if (finite) optimizer.step(gradients, learningRate, result.gradNorm, batches.length);
    tf.dispose([...gradients.values()]);
    if (finite) scale.keep();
    else if (Number.isFinite(result.loss) && scale.halve()) continue;
    return result;
  }
}

async function summedGradients(
  model: Decoder,
  optimizer: AdamWOptimizer,
  batches: readonly (readonly Int32Array[])[],
  lossScale: number,
): Promise<StepResult & { gradients: Map<string, tf.Tensor> }> {
  const losses: tf.Scalar[] = [];
  let sums: Map<string, tf.Tensor> | null = null;
  for (const rows of batches) {
    const ids = idsOf(rows);
    const { loss, gradients } = model.lossAndGradients(ids, lossScale);
    ids.dispose();
    losses.push(loss);
    sums = sums === null ? gradients : added(sums, gradients);
  }
  const norm = optimizer.gradientNorm(sums!, batches.length);
  const figures = tf.stack([...losses, norm]);
  tf.dispose([...losses, norm]);
  const values = Array.from(await figures.data());
  figures.dispose();
  const gradNorm = values.pop()!;
  return { gradients: sums!, loss: values.reduce((sum, loss) => sum + loss, 0) / values.length, gradNorm };
}

function idsOf(rows: readonly Int32Array[]): tf.Tensor2D {
  const length = rows[0]!.length;
  const ids = new Int32Array(rows.length * length);
  rows.forEach((row, i) => ids.set(row, i * length));
  return tf.tensor2d(ids, [rows.length, length], 'int32');
}

function added(sums: Map<string, tf.Tensor>, gradients: Map<string, tf.Tensor>): Map<string, tf.Tensor> {
  return new Map(
    [...sums].map(([name, sum]) => {
      const gradient = gradients.get(name)!;
      const next = tf.add(sum, gradient);
      tf.dispose([sum, gradient]);
      return [name, next];
    }),
  );
}
