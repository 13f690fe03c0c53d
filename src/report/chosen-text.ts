// Of several texts the one that figures with room for one text show.
import type { PplRecord } from '../perplexity/ppl-record.js';

/** Runs on the text that most models were evaluated on; of those on which equally many were, the one with more runs, then the first. */
export function runsOfChosenText(runs: readonly PplRecord[]): PplRecord[] {
  const texts = [...new Set(runs.map(({ text }) => text.digest))].map((digest) => {
    const own = runs.filter(({ text }) => text.digest === digest);
    return { own, models: new Set(own.map(({ model }) => model.label)).size };
  });
  const [first] = texts.sort((a, b) => b.models - a.models || b.own.length - a.own.length);
  return first?.own ?? [];
}
