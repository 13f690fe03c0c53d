// Rows of logits over 32,000 tokens: a tile that is scored, and one of the gradient of the cross-entropy.
import * as tf from '#tfjs';
import { crossEntropyRows, scoreRows } from '../../kernels/webgpu/head-rows.js';
import type { KernelCase } from '../kernel-case.js';
import { relativeError, randomTensor, randomValues } from '../kernel-inputs.js';
import { randomIntegers } from '../random.js';

const VOCABULARY = 32000;
const SMALL = { rows: 5, vocabulary: 1027 };

function tile(rows: number, vocabulary: number) {
  const targets = randomIntegers(rows, vocabulary, 2);
  return {
    logits: randomTensor([rows, vocabulary], 1) as tf.Tensor2D,
    targets: tf.tensor1d(targets, 'int32'),
    start: 0,
  };
}

/** Log-probabilities of all tokens in f64, [rows][vocabulary]. */
function logProbabilities(rows: number, vocabulary: number): number[][] {
  const logits = randomValues([rows, vocabulary], 1);
  return Array.from({ length: rows }, (_, row) => {
    const z = [...logits.subarray(row * vocabulary, (row + 1) * vocabulary)];
    const logSum = Math.log(z.reduce((sum, v) => sum + Math.exp(v), 0));
    return z.map((v) => v - logSum);
  });
}

function rowsCase(rows: number): KernelCase[] {
  const common = { shape: `R${rows} V${VOCABULARY}`, precision: 'f32', flops: 0, bound: 'memory' } as const;
  const bytes = 4 * rows * VOCABULARY;
  return [
    {
      ...{ ...common, kernel: 'head scores', bytes },
      prepare: () => {
        const part = tile(rows, VOCABULARY);
        const scores = tf.zeros<tf.Rank.R2>([2, rows]);
        return {
          run: () => {
            scoreRows(part, scores);
            return [];
          },
          dispose: () => tf.dispose([part.logits, part.targets, scores]),
        };
      },
      error: async () => {
        const part = tile(SMALL.rows, SMALL.vocabulary);
        const scores = tf.zeros<tf.Rank.R2>([2, SMALL.rows]);
        scoreRows(part, scores);
        const targets = await part.targets.data();
        const wanted = logProbabilities(SMALL.rows, SMALL.vocabulary).map((row, i) => row[targets[i]!]!);
        const found = (await scores.data()).slice(0, SMALL.rows);
        tf.dispose([part.logits, part.targets, scores]);
        return relativeError(found, wanted);
      },
    },
    {
      ...{ ...common, kernel: 'cross-entropy rows', bytes: 2 * bytes },
      prepare: () => {
        const part = tile(rows, VOCABULARY);
        return {
          run: () => {
            crossEntropyRows(part, 1);
            return [];
          },
          dispose: () => tf.dispose([part.logits, part.targets]),
        };
      },
      error: async () => {
        const part = tile(SMALL.rows, SMALL.vocabulary);
        crossEntropyRows(part, 1);
        const targets = await part.targets.data();
        const wanted = logProbabilities(SMALL.rows, SMALL.vocabulary).flatMap((row, i) =>
          row.map((logprob, v) => Math.exp(logprob) - Number(v === targets[i])),
        );
        const found = await part.logits.data();
        tf.dispose([part.logits, part.targets]);
        return relativeError(found, wanted);
      },
    },
  ];
}

export const cases: KernelCase[] = [...rowsCase(256), ...rowsCase(2048)];
