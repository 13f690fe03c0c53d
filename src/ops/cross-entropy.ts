// Mean next-token cross-entropy of the head, in nats. The gradient recomputes the logits tile by tile:
//   dz = (softmax(z) - onehot(target)) / R,   dhidden = dz W,   dW = dz^T hidden
import * as tf from '#tfjs';
import { crossEntropyRows } from '../kernels/webgpu/head-rows.js';
import { addTo, placeRows, rowsOf } from '../kernels/webgpu/rows.js';
import { uninitialised } from '../kernels/webgpu/runner.js';
import { convertedOnce, inAskedPrecision, linearRows } from './linear.js';
import { headLogProbs, rowsPerTile, tilesOf } from './head-log-probs.js';
import { defineOp, registerFusedKernel } from './op.js';

/** hidden [R, H], weight [V, H]; targets [R] int32 -> scalar */
export const crossEntropy = defineOp<{ hidden: tf.Tensor2D; weight: tf.Tensor2D }, { targets: tf.Tensor1D }, tf.Scalar>(
  {
    name: 'CrossEntropy',
    reference: ({ hidden, weight }, { targets }) => tf.neg(tf.mean(headLogProbs(hidden, weight, targets).logprob)),
    gradient: ({ hidden, weight }, { targets }, dLoss) => {
      const [rows, width] = hidden.shape;
      const vocabulary = weight.shape[0];
      const dHidden: tf.Tensor2D[] = [];
      let dWeight: tf.Tensor2D = tf.zeros([vocabulary, width]);
      for (const { start, size } of tilesOf(rows, rowsPerTile(vocabulary))) {
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

/**
 * Logits of one tile of the gradient on a GPU, 256 MB. A smaller one would stay in the cache, but every tile reads and writes dW,
 * which is half as large at 32,000 tokens by 1,024.
 */
const GRADIENT_TILE_ELEMENTS = 2 ** 26;
/** softmax(z) - onehot(target) is multiplied with this while it is an operand in f16, whose largest number is 65,504. */
const OPERAND_SCALE = 2 ** 15;

registerFusedKernel(crossEntropy, 'webgpu', {
  forward: crossEntropy.definition.reference,
  gradient: ({ hidden, weight }, { targets }, dLoss) => {
    const [rows, width] = hidden.shape;
    const vocabulary = weight.shape[0];
    const scale = { scalar: dLoss, factor: 1 / rows / OPERAND_SCALE };
    const dHidden = uninitialised([rows, width]) as tf.Tensor2D;
    const dWeight = tf.zerosLike(weight);
    convertedOnce(weight);
    for (const { start, size } of tilesOf(rows, rowsPerTile(vocabulary, GRADIENT_TILE_ELEMENTS)))
      tf.tidy(() => {
        const h = rowsOf(hidden, start, size);
        const logits = linearRows(h, weight);
        crossEntropyRows({ logits, targets, start }, OPERAND_SCALE);
        placeRows(inAskedPrecision(logits, weight, { inParts: true }), dHidden, start, scale);
        addTo(dWeight, inAskedPrecision(logits, h, { transposeA: true, inParts: true }), scale);
      });
    return { hidden: dHidden, weight: dWeight };
  },
});
