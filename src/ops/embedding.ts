// Embedding: the rows of a table that ids name. Its gradient adds the rows of equal ids in a fixed order.
import * as tf from '#tfjs';
import { embed, embedGradient } from '../kernels/webgpu/embedding.js';
import { defineOp, registerFusedKernel } from './op.js';

/** weight [V, H], ids int32 of any shape -> [...ids, H] */
export const embedding = defineOp<{ weight: tf.Tensor2D; ids: tf.Tensor }, null, tf.Tensor>({
  name: 'Embedding',
  reference: ({ weight, ids }) => tf.gather(weight, ids),
});

registerFusedKernel(embedding, 'webgpu', {
  forward: ({ weight, ids }) => embed(weight, ids),
  gradient: ({ weight, ids }, _, dy) => ({ weight: embedGradient(ids, dy, weight.shape[0]) }),
});
