// An n-gram model with interpolated modified Kneser-Ney smoothing (Chen and Goodman 1998, section 3 and equations 2.26 to 2.28):
//   p(w | h) = (c(h w) - D(c(h w))) / c(h) + gamma(h) p(w | h without its first token)
// down to the uniform distribution over the vocabulary. D is one of three discounts for counts of 1, 2 and more.
import { countNgrams, type OrderCounts } from './ngram-counts.js';
import type { PairIds } from './pair-ids.js';

/** Where counts of counts give none (an order with no n-gram seen once, say): those of KenLM's --discount_fallback. */
const FALLBACK: Discounts = [0.5, 1, 1.5];

/** Of counts of 1, of 2, and of 3 and more. */
type Discounts = readonly [number, number, number];

/** What follows each prefix, next to each other. */
interface OrderModel {
  readonly grams: PairIds;
  /** By prefix: where its continuations begin; the next entry is where they end. */
  readonly starts: Int32Array;
  /** By continuation: the token, and its discounted share of what follows the prefix. */
  readonly tokens: Int32Array;
  readonly shares: Float64Array;
  /** By prefix: what the discounts leave to shorter contexts; 1 for a prefix that nothing follows. */
  readonly rest: Float64Array;
}

/** Where the model stands in a text: ids of the n-grams that end there, by n - 1, as far as they are known. */
export type NgramState = readonly number[];

export class NgramModel {
  /** N-grams of all orders. */
  readonly size: number;
  readonly order: number;
  readonly vocabularySize: number;
  private readonly orders: readonly OrderModel[];

  /** @param order Tokens of the longest n-grams: the model sees one less. */
  constructor(tokens: Iterable<number>, order: number, vocabularySize: number) {
    this.order = order;
    this.vocabularySize = vocabularySize;
    const counted = countNgrams(tokens, order);
    this.size = counted.reduce((sum, { grams }) => sum + grams.size, 0);
    this.orders = counted.map((each, k) => orderModel(each, k === 0 ? 1 : counted[k - 1]!.grams.size));
  }

  /** Memory of the tables. */
  get bytes(): number {
    const tables = this.orders.flatMap(({ grams, starts, tokens, shares, rest }) => [
      ...[grams.first, grams.second, starts, tokens],
      ...[shares, rest],
    ]);
    return tables.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Before any token. */
  readonly start: NgramState = [];

  advance(state: NgramState, token: number): NgramState {
    const next: number[] = [];
    for (let k = 0; k < this.order - 1; k++) {
      const prefix = k === 0 ? 0 : state[k - 1];
      const id = prefix === undefined ? -1 : this.orders[k]!.grams.find(prefix, token);
      if (id < 0) break; // a longer one is not known either
      next.push(id);
    }
    return next;
  }

  /** Writes the probability of each token of the vocabulary after `state` into `probabilities`: they sum to one. */
  distribution(state: NgramState, probabilities: Float64Array): void {
    probabilities.fill(1 / this.vocabularySize);
    for (let k = 0; k < this.order; k++) {
      const prefix = k === 0 ? 0 : state[k - 1];
      if (prefix === undefined) break;
      const { starts, tokens, shares, rest } = this.orders[k]!;
      const left = rest[prefix]!;
      for (let token = 0; token < probabilities.length; token++) probabilities[token]! *= left;
      for (let at = starts[prefix]!; at < starts[prefix + 1]!; at++) probabilities[tokens[at]!]! += shares[at]!;
    }
  }
}

function orderModel({ grams, counts }: OrderCounts, prefixes: number): OrderModel {
  const discounts = discountsOf(counts);
  const discount = (count: number) => discounts[Math.min(count, 3) - 1]!;
  const starts = new Int32Array(prefixes + 1);
  const totals = new Float64Array(prefixes);
  const taken = new Float64Array(prefixes);
  for (let id = 0; id < grams.size; id++) {
    const prefix = grams.first[id]!;
    starts[prefix + 1]! += 1;
    totals[prefix]! += counts[id]!;
    taken[prefix]! += discount(counts[id]!);
  }
  for (let prefix = 0; prefix < prefixes; prefix++) starts[prefix + 1]! += starts[prefix]!;
  const next = starts.slice();
  const tokens = new Int32Array(grams.size);
  const shares = new Float64Array(grams.size);
  for (let id = 0; id < grams.size; id++) {
    const prefix = grams.first[id]!;
    const at = next[prefix]!++;
    tokens[at] = grams.second[id]!;
    shares[at] = (counts[id]! - discount(counts[id]!)) / totals[prefix]!;
  }
  return { grams, starts, tokens, shares, rest: taken.map((sum, prefix) => (sum === 0 ? 1 : sum / totals[prefix]!)) };
}

/** Equations 2.27: from how many n-grams occur once, twice, three and four times. */
function discountsOf(counts: Int32Array): Discounts {
  const [n1, n2, n3, n4] = [1, 2, 3, 4].map((times) =>
    counts.reduce((n, count) => n + (count === times ? 1 : 0), 0),
  ) as [number, number, number, number];
  const y = n1 / (n1 + 2 * n2);
  const discounts: Discounts = [1 - (2 * y * n2) / n1, 2 - (3 * y * n3) / n2, 3 - (4 * y * n4) / n3];
  return discounts.every((discount, k) => discount > 0 && discount <= k + 1) ? discounts : FALLBACK;
}
