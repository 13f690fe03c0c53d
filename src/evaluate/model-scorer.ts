// Scores batches with a language model: one forward pass over right-padded rows, the head on the asked positions only.
// Rows that share their beginning go on from forks of the state after it.
import * as tf from '#tfjs';
import type { Engine } from '../backends/engine.js';
import { OutOfMemoryError } from '../backends/out-of-memory.js';
import type { LanguageModel } from '../models/language-model.js';
import { releaseMemory } from '../ops/constants.js';
import type { QueryScore, ScoreBatch, ScoreRow, Scorer } from './scorer.js';

/** Padding follows the tokens, so that no causal or recurrent model sees it: any id will do. */
const PADDING = 0;

export function createScorer(model: LanguageModel, engine: Engine): Scorer {
  return {
    maxLength: model.maxLength,
    tokenBudget: tokenBudget(model, engine),
    score: async (batch) => {
      refuseWhatCannotFit(model, engine, batch);
      engine.use();
      try {
        return await engine.guard(() => score(model, batch));
      } catch (error) {
        if (error instanceof OutOfMemoryError) releaseMemory();
        throw error;
      }
    },
  };
}

async function score(model: LanguageModel, batch: ScoreBatch): Promise<QueryScore[][]> {
  const rows = batch.groups.flat();
  const targets = rows.flatMap((row) => row.queries.flatMap((query) => query.targets));
  const scored = tf.tidy(() => {
    const asked = tf.gather(hiddenStates(model, batch), tf.tensor1d(askedPositions(batch), 'int32')) as tf.Tensor2D;
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

/** Hidden states of the G groups' P shared tokens, then of the R rows' S others, row by row: [G P + R S, H]. */
function hiddenStates(model: LanguageModel, { shared, groups }: ScoreBatch): tf.Tensor2D {
  const flat = (hidden: tf.Tensor3D) => tf.reshape(hidden, [-1, model.hiddenSize]) as tf.Tensor2D;
  const rest = paddedIds(groups.flat().map(({ input }) => input.slice(shared)));
  if (shared === 0) return flat(model.forward(rest).hidden);
  const beginning = paddedIds(groups.map(([row]) => row!.input.slice(0, shared)));
  const before = model.forward(beginning, model.initialState(groups.length));
  const forked = model.fork(
    before.state,
    groups.map((rows) => rows.length),
  );
  tf.dispose(before.state as unknown as tf.TensorContainer);
  return tf.concat([flat(before.hidden), flat(model.forward(rest, forked).hidden)], 0);
}

/** Where `hiddenStates` has the positions that predict the targets; one may lie in what the rows of a group share. */
function askedPositions({ shared, groups }: ScoreBatch): number[] {
  const rows = groups.flatMap((own, group) => own.map((row) => ({ row, group })));
  const length = longest(groups.flat()) - shared;
  return rows.flatMap(({ row: { input, queries }, group }, i) =>
    queries.flatMap(({ targets }) =>
      targets.map((_, t) => {
        const position = input.length - targets.length + t;
        return position < shared ? group * shared + position : groups.length * shared + i * length + position - shared;
      }),
    ),
  );
}

/** [rows, length of the longest], right-padded. */
function paddedIds(rows: readonly (readonly number[])[]): tf.Tensor2D {
  const length = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const ids = new Int32Array(rows.length * length).fill(PADDING);
  rows.forEach((row, i) => ids.set(row, i * length));
  return tf.tensor2d(ids, [rows.length, length], 'int32');
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

/**
 * A heap that overflows aborts the engine for good: there the need is computed before. Forked rows hold the states that they
 * start from and those that they end in.
 */
function refuseWhatCannotFit(model: LanguageModel, engine: Engine, { shared, groups }: ScoreBatch): void {
  const room = roomFor(engine, model);
  const rows = groups.flat();
  const length = longest(rows);
  const states = shared === 0 ? 0 : model.stateBytes(rows.length, shared) + model.stateBytes(rows.length, length);
  const need = model.activationBytes(rows.length, length) + states;
  if (room !== null && need > room)
    throw new OutOfMemoryError(`${rows.length} rows of ${length} tokens need about ${need} bytes, ${room} are free`);
}

/** Bytes for activations: the limit less the weights, which the matrix products keep a second, packed copy of. */
export function roomFor(engine: Engine, model: LanguageModel): number | null {
  return engine.memoryLimit === null ? null : engine.memoryLimit - 2 * model.memory().usedBytes;
}
