// Runs a schedule through the model, batch by batch into the journal. Memory that runs out halves the batch.
import { OutOfMemoryError } from '../backends/out-of-memory.js';
import { UserError } from '../user-error.js';
import type { BatchOutcomes, Journal } from './journal.js';
import { describePiece } from './plan.js';
import type { Progress } from './progress.js';
import { paddedTokens } from './schedule.js';
import type { Batch } from './schedule.js';
import type { QueryScore, Scorer } from './scorer.js';

export interface ScoringContext {
  readonly scorer: Scorer;
  readonly journal: Journal;
  readonly progress: Progress;
  /** Milliseconds of a clock that only goes forward. */
  readonly clock: () => number;
  /** Stops the work after the batch that is running. */
  readonly signal: AbortSignal;
}

/**
 * Scores `batches` from number `first` on.
 * @returns the outcomes of the batches that were done; fewer than asked when the signal aborted.
 * @throws UserError 'failure' when a log-probability is not a finite number.
 */
export async function scoreBatches(
  batches: readonly Batch[],
  first: number,
  { scorer, journal, progress, clock, signal }: ScoringContext,
): Promise<BatchOutcomes[]> {
  const scoreHalving = halvingScorer(scorer);
  const done: BatchOutcomes[] = [];
  for (let index = first; index < batches.length; index += 1) {
    await new Promise(setImmediate); // signals are delivered between turns of the event loop only
    if (signal.aborted) break;
    const batch = batches[index]!;
    const started = clock();
    const scores = await scoreHalving(batch);
    const outcomes = outcomesOf(batch, scores, clock() - started);
    journal.append(index, batch, outcomes);
    done.push(outcomes);
    progress.advance(inputTokens(batch));
  }
  return done;
}

export function inputTokens(batch: Batch): number {
  return batch.reduce((sum, row) => sum + row.input.length, 0);
}

/** Scores of a row's queries, or null for a row that does not fit into the device's memory. */
type RowScores = readonly QueryScore[] | null;

/** A batch that is too large is halved, again if need be; later batches of its size are halved without trying. */
function halvingScorer(scorer: Scorer): (batch: Batch) => Promise<RowScores[]> {
  let tooLarge = Infinity;
  return async function score(batch: Batch): Promise<RowScores[]> {
    if (batch.length === 1 || paddedTokens(batch) < tooLarge) {
      try {
        return await scorer.score(batch);
      } catch (error) {
        if (!(error instanceof OutOfMemoryError)) throw error;
        if (batch.length === 1) return [null];
        tooLarge = Math.min(tooLarge, paddedTokens(batch));
      }
    }
    const middle = Math.ceil(batch.length / 2);
    return [...(await score(batch.slice(0, middle))), ...(await score(batch.slice(middle)))];
  };
}

/** Time is shared out by tokens fed; pieces that share a row share its time. */
function outcomesOf(batch: Batch, scores: readonly RowScores[], milliseconds: number): BatchOutcomes {
  const perToken = milliseconds / inputTokens(batch);
  return batch.flatMap((row, index) => {
    const ms = Number(((row.input.length * perToken) / row.queries.length).toFixed(3));
    const rowScores = scores[index]!;
    return row.queries.map((piece, query) => {
      if (rowScores === null)
        return { failure: `its ${row.input.length} tokens do not fit into the device's memory`, ms };
      const { logprob, greedy } = rowScores[query]!;
      if (!Number.isFinite(logprob))
        throw new UserError('failure', `the model gave ${logprob} as log-probability of ${describePiece(piece)}`, {
          hint: '--dtype f32 if the run is in f16; else look at the checkpoint',
        });
      return { logprob, greedy, ms };
    });
  });
}
