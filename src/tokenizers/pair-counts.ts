// The neighbours in the words of a corpus: how often two tokens stand beside each other, and in which words.

export interface Pair {
  readonly left: number;
  readonly right: number;
  /** Occurrences in the corpus: in a run of three equal tokens there are two. */
  count: number;
  /** Words that have it, and some that had it; each may be named again. */
  readonly words: number[];
}

export class PairCounts {
  /** By left, then by right: one number for both would be beyond the integers that V8 hashes without allocating. */
  readonly #pairs: Map<number, Pair>[] = [];
  #new: Pair[] = [];

  /** @param occurrences in the corpus, for a place in `word` */
  add(left: number, right: number, occurrences: number, word: number): void {
    const rights = (this.#pairs[left] ??= new Map());
    let pair = rights.get(right);
    if (pair === undefined) {
      pair = { left, right, count: 0, words: [] };
      rights.set(right, pair);
      this.#new.push(pair);
    }
    pair.count += occurrences;
    if (pair.words.at(-1) !== word) pair.words.push(word);
  }

  /** Of a pair that was added. */
  remove(left: number, right: number, occurrences: number): void {
    this.#pairs[left]!.get(right)!.count -= occurrences;
  }

  /** A pair that occurs no more. */
  forget({ left, right }: Pair): void {
    this.#pairs[left]!.delete(right);
  }

  /** Pairs that were first added since this was called. */
  takeNew(): Pair[] {
    const added = this.#new;
    this.#new = [];
    return added;
  }
}
