// What Kneser-Ney smoothing counts in a stream of tokens: how often each n-gram of the highest order occurs, and after how many
// different tokens each shorter one does (Kneser and Ney 1995).
import { PairIds } from './pair-ids.js';

/** The n-grams of one order. An n-gram's prefix is an id of the order below; the empty one, 0, is that of single tokens. */
export interface OrderCounts {
  readonly grams: PairIds;
  /** By n-gram. */
  readonly counts: Int32Array;
}

/** @returns orders 1 to `order` of the stream; what begins the stream counts as preceded by one token more. */
export function countNgrams(tokens: Iterable<number>, order: number): OrderCounts[] {
  const grams = Array.from({ length: order }, () => new PairIds());
  const counts = grams.map(() => new Int32Array(1024));
  const raise = (k: number, id: number) => {
    if (id >= counts[k]!.length) counts[k] = grown(counts[k]!, id);
    counts[k]![id]! += 1;
  };
  /** Ids of the n-grams that end at the token before, by n - 1. */
  let before: number[] = [];
  let position = 0;
  for (const token of tokens) {
    const ending: number[] = [];
    for (let k = 0; k < Math.min(order, position + 1); k++) {
      const { size } = grams[k]!;
      const id = grams[k]!.add(k === 0 ? 0 : before[k - 1]!, token);
      ending.push(id);
      if (k === order - 1) raise(k, id);
      if (id === size && k > 0) raise(k - 1, ending[k - 1]!); // its suffix is met after one token more
      if (k === position && k < order - 1) raise(k, id);
    }
    before = ending;
    position += 1;
  }
  return grams.map((each, k) => ({ grams: each, counts: grown(counts[k]!, each.size).subarray(0, each.size) }));
}

function grown(values: Int32Array<ArrayBuffer>, index: number): Int32Array<ArrayBuffer> {
  if (index < values.length) return values;
  const longer = new Int32Array(Math.max(2 * values.length, index + 1));
  longer.set(values);
  return longer;
}
