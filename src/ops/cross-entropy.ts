// Mean next-token cross-entropy of the head, in nats. The gradient recomputes the logits tile by tile:
//   dz = (softmax(z) - onehot(target)) / R,   dhidden = dz W,   dW = dz^T hidden
import * as tf from '#tfjs';
import { headLogProbs, rowsPerTile } from './head-log-probs.js';
import { defineOp } from './op.js';

/** hidden [R, H], weight [V, H]; targets [R] int32 -> scalar */
export const crossEntropy = defineOp<{ hidden: tf.Tensor2D; weight: tf.Tensor2D }, { targets: tf.Tensor1D }, tf.Scalar>(
  {
    name: 'CrossEntropy',
    reference: ({ hidden, weight }, { targets }) => tf.neg(tf.mean(headLogProbs(hidden, weight, targets).logprob)),
    gradient: ({ hidden, weight }, { targets }, dLoss) => {
      const [rows, width] = hidden.shape;
      const vocabulary = weight.shape[0];
      const step = rowsPerTile(vocabulary);
      const dHidden: tf.Tensor2D[] = [];
      let dWeight: tf.Tensor2D = tf.zeros([vocabulary, width]);
      for (let start = 0; start < rows; start += step) {
        const size = Math.min(step, rows - start);
        const tile = tf.tidy(() => {
          const h = tf.slice(hidden, [start, 0], [size, -1]);
          const wanted = tf.oneHot(tf.slice(targets, start, size), vocabulary) as tf.Tensor2D;
          const p = tf.softmax(tf.matMul(h, weight, false, true)) as tf.Tensor2D;
          const dLogits = tf.mul(tf.sub(p, wanted), tf.div(dLoss, rows)) as tf.Tensor2D;
          return {
            dHidden: tf.matMul(dLogits, weight) as tf.Tensor2D,
            dWeight: tf.add(dWeight, tf.matMul(dLogits, h, true)) as tf.Tensor2D,
          };
        });
        dWeight.dispose();
        dWeight = tile.dWeight;
        dHidden.push(tile.dHidden);
      }
      return { hidden: tf.concat(dHidden), weight: dWeight };
    },
  },
);
