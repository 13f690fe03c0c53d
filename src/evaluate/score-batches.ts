// Runs a schedule through the model, batch by batch into the journal. Memory that runs out halves the batch.
import { OutOfMemoryError } from '../backends/out-of-memory.js';
import { UserError } from '../user-error.js';
import type { BatchOutcomes, Journal } from './journal.js';
import { describePiece } from './plan.js';
import type { Progress } from './progress.js';
import { fedTokens, paddedTokens } from './schedule.js';
import type { Batch } from './schedule.js';
import { plainBatch } from './scorer.js';
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
    progress.advance(fedTokens(batch));
  }
  return done;
}

/** Scores of a row's queries, or null for a row that does not fit into the device's memory. */
type RowScores = readonly QueryScore[] | null;

/**
 * A batch that is too large is halved, again if need be; later batches of its kind and size are halved without trying.
 * Forked rows hold states beside their tokens, so that what is too large for them says nothing about plain rows.
 */
function halvingScorer(scorer: Scorer): (batch: Batch) => Promise<RowScores[]> {
  const tooLarge = { plain: Infinity, forked: Infinity };
  return async function score(batch: Batch): Promise<RowScores[]> {
    const kind = batch.shared === 0 ? 'plain' : 'forked';
    const parts = partsOf(batch);
    if (parts === null || paddedTokens(batch) < tooLarge[kind]) {
      try {
        return await scorer.score(batch);
      } catch (error) {
        if (!(error instanceof OutOfMemoryError)) throw error;
        if (parts === null) return [null];
        tooLarge[kind] = Math.min(tooLarge[kind], paddedTokens(batch));
      }
    }
    const scores: RowScores[] = [];
    for (const part of parts) scores.push(...(await score(part)));
    return scores;
  };
}

/** The halves of a batch; of a single group its rows, each from its beginning; null for a row by itself. */
function partsOf({ shared, groups }: Batch): Batch[] | null {
  if (groups.length === 1) {
    const rows = groups[0]!;
    return rows.length === 1 ? null : [plainBatch(rows)];
  }
  const middle = Math.ceil(groups.length / 2);
  return [groups.slice(0, middle), groups.slice(middle)].map((half) => ({ shared, groups: half }));
}

/** Time is shared out by tokens fed; rows that share tokens share their time, and so do pieces that share a row. */
function outcomesOf(batch: Batch, scores: readonly RowScores[], milliseconds: number): BatchOutcomes {
  const perToken = milliseconds / fedTokens(batch);
  const { shared, groups } = batch;
  const rows = groups.flatMap((own) =>
    own.map((row) => ({ row, fed: row.input.length - shared + shared / own.length })),
  );
  return rows.flatMap(({ row, fed }, index) => {
    const ms = Number(((fed * perToken) / row.queries.length).toFixed(3));
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
