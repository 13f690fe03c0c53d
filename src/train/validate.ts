// Perplexity of held-out text by context length. Every length predicts the same tokens, cut into rows of that length without
// overlap: what differs is how much stands before them.
import type { Engine } from '../backends/engine.js';
import { OutOfMemoryError } from '../backends/out-of-memory.js';
import { createScorer } from '../evaluate/model-scorer.js';
import { plainBatch, type ScoreRow } from '../evaluate/scorer.js';
import type { Decoder } from '../models/decoder.js';
import { UserError } from '../user-error.js';
import type { ValidationRow } from './step-log.js';
import type { TokenFile } from './token-file.js';

export interface ValidationSet {
  readonly file: TokenFile;
  readonly lengths: readonly number[];
  /** Tokens that are predicted at each length: a multiple of the longest where the text has as many. */
  readonly tokens: number;
}

/** @throws UserError 'data' when the text is shorter than the longest length. */
export function validationSet(file: TokenFile, lengths: readonly number[], tokens: number): ValidationSet {
  const longest = Math.max(...lengths);
  const whole = longest * Math.floor(Math.min(tokens, file.description.tokens - 1) / longest);
  if (whole === 0)
    throw new UserError(
      'data',
      `validation at length ${longest} needs ${longest + 1} tokens, and has ${Math.min(tokens, file.description.tokens)}`,
      {
        hint: 'more validation data or validation.tokens, or shorter validation.lengths',
      },
    );
  return { file, lengths, tokens: whole };
}

export async function validate(
  model: Decoder,
  engine: Engine,
  { file, lengths, tokens }: ValidationSet,
  step: number,
): Promise<ValidationRow[]> {
  const ids = Array.from(file.read(0, tokens + 1));
  const scorer = createScorer(model, engine);
  const measured: ValidationRow[] = [];
  for (const length of lengths) {
    const rows = rowsOf(ids, length);
    let rowsAtOnce = Math.max(1, Math.floor(scorer.tokenBudget / length));
    let logprob = 0;
    for (let done = 0; done < rows.length;) {
      const batch = rows.slice(done, done + rowsAtOnce);
      try {
        for (const [score] of await scorer.score(plainBatch(batch))) logprob += score!.logprob;
        done += batch.length;
      } catch (error) {
        if (!(error instanceof OutOfMemoryError)) throw error;
        if (batch.length === 1)
          throw new UserError('failure', `validation at length ${length} does not fit into memory: ${error.message}`, {
            hint: 'shorter validation.lengths',
          });
        rowsAtOnce = Math.ceil(batch.length / 2);
      }
    }
    const loss = -logprob / tokens;
    measured.push({ step, length, tokens, loss, perplexity: Math.exp(loss) });
  }
  return measured;
}

/** Rows that predict all ids but the first; the last one may be shorter. */
function rowsOf(ids: readonly number[], length: number): ScoreRow[] {
  const rows: ScoreRow[] = [];
  for (let start = 0; start + 1 < ids.length; start += length) {
    const end = Math.min(start + length, ids.length - 1);
    rows.push({ input: ids.slice(start, end), queries: [{ targets: ids.slice(start + 1, end + 1) }] });
  }
  return rows;
}
