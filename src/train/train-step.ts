// One step: the batches one after the other, their gradients added up, one update.
import * as tf from '#tfjs';
import type { AdamWOptimizer } from '../models/adamw-optimizer.js';
import type { Decoder } from '../models/decoder.js';

export interface StepResult {
  /** Mean over all predictions of the step, in nats. */
  readonly loss: number;
  /** Of all gradients together, before clipping. */
  readonly gradNorm: number;
}

/** @param batches rows of equal length each, which predict the tokens behind their first ones */
export async function trainStep(
  model: Decoder,
  optimizer: AdamWOptimizer,
  batches: readonly (readonly Int32Array[])[],
  learningRate: number,
): Promise<StepResult> {
  const losses: tf.Scalar[] = [];
  let sums: Map<string, tf.Tensor> | null = null;
  for (const rows of batches) {
    const ids = idsOf(rows);
    const { loss, gradients } = model.lossAndGradients(ids);
    ids.dispose();
    losses.push(loss);
    sums = sums === null ? gradients : added(sums, gradients);
  }
  const norm = optimizer.step(sums!, learningRate, batches.length);
  const figures = tf.stack([...losses, norm]);
  tf.dispose([...losses, norm, ...sums!.values()]);
  const values = Array.from(await figures.data());
  figures.dispose();
  const gradNorm = values.pop()!;
  return { loss: values.reduce((sum, loss) => sum + loss, 0) / values.length, gradNorm };
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
