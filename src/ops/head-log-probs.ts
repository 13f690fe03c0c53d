// Language-model head for scoring: log p(target) and whether the target is the argmax, for every row, in f32.
//   logprob[r] = z[r, target] - log sum over v of exp z[r, v],   z = hidden W^T
// Rows go through in tiles, so that the [R, V] logits are never whole in memory.
import * as tf from '#tfjs';
import { scoreRows } from '../kernels/webgpu/head-rows.js';
import { uninitialised } from '../kernels/webgpu/runner.js';
import { rowsOf } from '../kernels/webgpu/rows.js';
import { constant } from './constants.js';
import { convertedOnce, linearRows, type Matrix } from './linear.js';
import { defineOp, registerFusedKernel } from './op.js';

/** Logits of one tile: 8 Mi elements, 32 MB, which stay in the cache of a large device. */
const TILE_ELEMENTS = 2 ** 23;
/** Rows that a product of matrices takes at once; a tile of a few more would cost as much as one of twice them. */
const ROWS_OF_PRODUCT = 128;

export function rowsPerTile(vocabulary: number, elements: number = TILE_ELEMENTS): number {
  const rows = Math.max(1, Math.floor(elements / vocabulary));
  return rows < ROWS_OF_PRODUCT ? rows : rows - (rows % ROWS_OF_PRODUCT);
}

/** hidden [R, H], weight [V, H], targets [R] int32 -> logprob [R] in nats, greedy [R] (1 where target = argmax, lowest id on ties). */
export function headLogProbs(
  hidden: tf.Tensor2D,
  weight: Matrix,
  targets: tf.Tensor1D,
): { logprob: tf.Tensor1D; greedy: tf.Tensor1D } {
  const [logprob, greedy] = tf.unstack(headScores({ hidden, targets }, { weight })) as [tf.Tensor1D, tf.Tensor1D];
  return { logprob, greedy };
}

/** -> [2, R], logprob above greedy. It has no gradient of the weight; what is differentiated is `crossEntropy`. */
const headScores = defineOp<{ hidden: tf.Tensor2D; targets: tf.Tensor1D }, { weight: Matrix }, tf.Tensor2D>({
  name: 'HeadScores',
  reference: ({ hidden, targets }, { weight }) => {
    const tiles = tilesOf(hidden.shape[0], rowsPerTile(weight.shape[0]!)).map(({ start, size }) =>
      tf.tidy(() =>
        scoreTile(linearRows(tf.slice(hidden, [start, 0], [size, -1]), weight), tf.slice(targets, start, size)),
      ),
    );
    return tf.concat(tiles, 1);
  },
});

/** On a GPU 128 MB: fewer logits are too few tiles of a product to keep a large device busy. */
const DEVICE_TILE_ELEMENTS = 2 ** 25;

registerFusedKernel(headScores, 'webgpu', {
  forward: ({ hidden, targets }, { weight }) => {
    const scores = uninitialised([2, hidden.shape[0]]) as tf.Tensor2D;
    convertedOnce(weight);
    for (const { start, size } of tilesOf(hidden.shape[0], rowsPerTile(weight.shape[0]!, DEVICE_TILE_ELEMENTS)))
      tf.tidy(() => scoreRows({ logits: linearRows(rowsOf(hidden, start, size), weight), targets, start }, scores));
    return scores;
  },
});

export function tilesOf(rows: number, step: number): { start: number; size: number }[] {
  return Array.from({ length: Math.ceil(rows / step) }, (_, k) => ({
    start: k * step,
    size: Math.min(step, rows - k * step),
  }));
}

/** -> [2, R] */
function scoreTile(logits: tf.Tensor2D, targets: tf.Tensor1D): tf.Tensor2D {
  const { logSumExp, argMax } = summarise(logits);
  return tf.stack([
    tf.sub(pickColumns(logits, targets), logSumExp),
    tf.cast(tf.equal(argMax, targets), 'float32'),
  ]) as tf.Tensor2D;
}

interface RowSummary {
  readonly logSumExp: tf.Tensor1D;
  /** int32, the lowest id on ties */
  readonly argMax: tf.Tensor1D;
}

/**
 * Of each row of logits [R, V]. A running sum in f32 drops terms below 2^-24 of it, which the tail of a vocabulary is made of;
 * so a row is summed in blocks, and then the blocks.
 */
export function summarise(logits: tf.Tensor2D): RowSummary {
  const [rows, width] = logits.shape;
  const blocks = Math.min(MOST_BLOCKS, Math.floor(width / SHORTEST_BLOCK));
  if (blocks < 2) return summariseAtOnce(logits);
  const blockWidth = Math.ceil(width / blocks);
  const missing: [number, number] = [0, blocks * blockWidth - width];
  const filled = missing[1] === 0 ? logits : tf.pad2d(logits, [[0, 0], missing], NEGLIGIBLE);
  const block = summariseAtOnce(tf.reshape(filled, [rows * blocks, blockWidth]));
  const perRow = (x: tf.Tensor1D) => tf.reshape(x, [rows, blocks]) as tf.Tensor2D;
  const best = tf.argMax(perRow(block.max), 1) as tf.Tensor1D;
  return {
    logSumExp: summariseAtOnce(perRow(block.logSumExp)).logSumExp,
    argMax: tf.add(tf.mul(best, tf.scalar(blockWidth, 'int32')), pickColumns(perRow(block.argMax), best)),
  };
}

const MOST_BLOCKS = 32;
const SHORTEST_BLOCK = 256;
/** A logit whose exponential is nothing beside any other. */
const NEGLIGIBLE = -1e30;

/**
 * Softmax is the fast kernel everywhere (on wasm three times faster than exp), and its largest element is exp(0) / sum, so
 * the sum is its inverse. Where that element stands, argMax says, so that one pass over the logits finds both.
 */
function summariseAtOnce(logits: tf.Tensor2D): RowSummary & { readonly max: tf.Tensor1D } {
  const argMax = tf.argMax(logits, 1) as tf.Tensor1D;
  const max = pickColumns(logits, argMax);
  return { argMax, max, logSumExp: tf.sub(max, tf.log(pickColumns(tf.softmax(logits), argMax))) };
}

/** x [R, V], columns [R] -> x[r, columns[r]] */
export function pickColumns(x: tf.Tensor2D, columns: tf.Tensor1D): tf.Tensor1D {
  const [rows, width] = x.shape;
  const starts = constant(`row-starts/${rows}/${width}`, () => tf.range(0, rows * width, width, 'int32'));
  return tf.gather(tf.reshape(x, [rows * width]), tf.add(starts, columns)) as tf.Tensor1D;
}
