// Scores batches with a language model: one forward pass over right-padded rows, the head on the asked positions only.
import * as tf from '#tfjs';
import type { Engine } from '../backends/engine.js';
import { OutOfMemoryError } from '../backends/out-of-memory.js';
import type { LanguageModel } from '../models/language-model.js';
import type { QueryScore, ScoreRow, Scorer } from './scorer.js';

/** Padding follows the tokens, so that no causal or recurrent model sees it: any id will do. */
const PADDING = 0;

export function createScorer(model: LanguageModel, engine: Engine): Scorer {
  return {
    maxLength: model.maxLength,
    tokenBudget: tokenBudget(model, engine),
    score: async (rows) => {
      refuseWhatCannotFit(model, engine, rows);
      return engine.guard(() => score(model, rows));
    },
  };
}

async function score(model: LanguageModel, rows: readonly ScoreRow[]): Promise<QueryScore[][]> {
  const length = longest(rows);
  const ids = new Int32Array(rows.length * length).fill(PADDING);
  rows.forEach((row, i) => ids.set(row.input, i * length));
  const positions = rows.flatMap((row, i) =>
    row.queries.flatMap(({ targets }) => targets.map((_, t) => i * length + row.input.length - targets.length + t)),
  );
  const targets = rows.flatMap((row) => row.queries.flatMap((query) => query.targets));

  const scored = tf.tidy(() => {
    const { hidden } = model.forward(tf.tensor2d(ids, [rows.length, length], 'int32'));
    const flat = tf.reshape(hidden, [rows.length * length, model.hiddenSize]);
    const asked = tf.gather(flat, tf.tensor1d(positions, 'int32')) as tf.Tensor2D;
    return model.logProbs(asked, tf.tensor1d(targets, 'int32'));
  });
  try {
    const logprob = await scored.logprob.data();
    const greedy = await scored.greedy.data();
    let next = 0;
    return rows.map((row) =>
      row.queries.map((query) => {
        const from = next;
        next += query.targets.length;
        return {
          logprob: sum(logprob.subarray(from, next)),
          greedy: greedy.subarray(from, next).every((g) => g === 1),
        };
      }),
    );
  } finally {
    tf.dispose([scored.logprob, scored.greedy]);
  }
}

/** f32 per token, summed in f64. */
function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}

function longest(rows: readonly ScoreRow[]): number {
  return rows.reduce((length, row) => Math.max(length, row.input.length), 0);
}

/** Tokens a batch that the memory holds, at the most what makes the engine fast. */
function tokenBudget(model: LanguageModel, engine: Engine): number {
  const room = roomFor(engine, model);
  if (room === null) return engine.batchTokens;
  const bytesPerToken = model.activationBytes(1, model.maxLength) / model.maxLength;
  return Math.max(1, Math.min(engine.batchTokens, Math.floor(room / bytesPerToken)));
}

/** A heap that overflows aborts the engine for good: there the need is computed before. */
function refuseWhatCannotFit(model: LanguageModel, engine: Engine, rows: readonly ScoreRow[]): void {
  const room = roomFor(engine, model);
  const need = model.activationBytes(rows.length, longest(rows));
  if (room !== null && need > room)
    throw new OutOfMemoryError(
      `${rows.length} rows of ${longest(rows)} tokens need about ${need} bytes, ${room} are free`,
    );
}

/** Bytes for activations: the limit less the weights, which the matrix products keep a second, packed copy of. */
function roomFor(engine: Engine, model: LanguageModel): number | null {
  return engine.memoryLimit === null ? null : engine.memoryLimit - 2 * model.memory().bytes;
}
