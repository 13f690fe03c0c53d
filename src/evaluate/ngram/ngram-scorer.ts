// An n-gram model behind the seam that language models are scored through: arithmetic in f64, no tensor.
import type { QueryScore, ScoreBatch, Scorer, ScoreRow } from '../scorer.js';
import type { NgramModel, NgramState } from './ngram-model.js';

/** Rows cost their own length and nothing else: this only says how often progress is told. */
const TOKENS_A_BATCH = 1 << 16;

export function ngramScorer(model: NgramModel, maxLength: number): Scorer {
  const probabilities = new Float64Array(model.vocabularySize);
  return {
    maxLength,
    tokenBudget: TOKENS_A_BATCH,
    score: async ({ groups }: ScoreBatch) => groups.flat().map((row) => scoreRow(model, row, probabilities)),
  };
}

function scoreRow(model: NgramModel, { input, queries }: ScoreRow, probabilities: Float64Array): QueryScore[] {
  const scores = queries.map(() => ({ logprob: 0, greedy: true }));
  const asked = input.length - Math.max(...queries.map(({ targets }) => targets.length));
  let state: NgramState = model.start;
  for (let position = Math.max(0, asked - model.order); position < input.length; position++) {
    state = model.advance(state, input[position]!);
    if (position < asked) continue;
    model.distribution(state, probabilities);
    const best = argmax(probabilities);
    for (const [k, { targets }] of queries.entries()) {
      const target = targets[position - (input.length - targets.length)];
      if (target === undefined) continue;
      scores[k]!.logprob += Math.log(probabilities[target]!);
      scores[k]!.greedy &&= target === best;
    }
  }
  return scores;
}

/** The first of the greatest. */
function argmax(values: Float64Array): number {
  let best = 0;
  for (let k = 1; k < values.length; k++) if (values[k]! > values[best]!) best = k;
  return best;
}
