// Byte-pair encoding (Sennrich et al. 2016) over counted words: the most frequent pair of neighbours becomes a token, again and
// again. Of pairs as frequent as each other the one with the lower left id comes first, then the lower right id, as in Hugging
// Face's BpeTrainer, so that the same words give the same merges.
import { PairCounts, type Pair } from './pair-counts.js';
import { PriorityQueue } from './priority-queue.js';

/** A pair that occurs once is no pattern. */
const FEWEST_OCCURRENCES = 2;

export interface Vocabulary {
  /** Tokens by id. */
  readonly tokens: readonly string[];
  /** Pairs of tokens in the order in which they merge. */
  readonly merges: readonly (readonly [left: string, right: string])[];
}

/**
 * @param words how often each occurs, by the ids of its first tokens
 * @param alphabet tokens by id that there are before any merge
 * @param size tokens to reach; fewer come back where no pair occurs twice any more
 * @param onToken told of every token that was made
 */
export function learnMerges(
  words: Iterable<{ readonly ids: ArrayLike<number>; readonly count: number }>,
  alphabet: readonly string[],
  size: number,
  onToken: () => void = () => {},
): Vocabulary {
  const tokens = [...alphabet];
  const merges: [string, string][] = [];
  const corpus = new Corpus(words);
  const queue = new PriorityQueue(isBefore);
  const enqueue = (pair: Pair): void => {
    if (pair.count >= FEWEST_OCCURRENCES) queue.push({ pair, count: pair.count });
  };
  corpus.pairs.takeNew().forEach(enqueue);
  while (tokens.length < size) {
    const next = queue.pop();
    if (next === undefined) break;
    const { pair, count } = next;
    if (count !== pair.count) {
      enqueue(pair); // other merges took some of its occurrences
      continue;
    }
    // No other pair makes the same text: wherever it stands by itself, the same merges have cut it in the same way.
    const merge: [string, string] = [tokens[pair.left]!, tokens[pair.right]!];
    merges.push(merge);
    corpus.merge(pair, tokens.push(merge.join('')) - 1);
    corpus.pairs.takeNew().forEach(enqueue);
    onToken();
  }
  return { tokens, merges };
}

/** A pair with the count it had when it was put into the queue. */
interface Candidate {
  readonly pair: Pair;
  readonly count: number;
}

function isBefore(a: Candidate, b: Candidate): boolean {
  if (a.count !== b.count) return a.count > b.count;
  if (a.pair.left !== b.pair.left) return a.pair.left < b.pair.left;
  return a.pair.right < b.pair.right;
}

/** The words as tokens, with their pairs counted. */
class Corpus {
  readonly pairs = new PairCounts();
  readonly #words: number[][] = [];
  readonly #counts: number[] = [];

  constructor(words: Iterable<{ readonly ids: ArrayLike<number>; readonly count: number }>) {
    for (const { ids, count } of words) {
      if (ids.length < 2) continue;
      const word = this.#words.push(Array.from(ids)) - 1;
      this.#counts.push(count);
      for (let i = 1; i < ids.length; i++) this.pairs.add(ids[i - 1]!, ids[i]!, count, word);
    }
  }

  /** Puts `id` in place of the pair, from left to right in every word that has it. */
  merge(pair: Pair, id: number): void {
    for (const word of pair.words) this.#mergeIn(word, pair, id);
    this.pairs.forget(pair);
  }

  #mergeIn(word: number, { left, right }: Pair, id: number): void {
    const { pairs } = this;
    const ids = this.#words[word]!;
    const count = this.#counts[word]!;
    let length = 0;
    for (let i = 0; i < ids.length; i++) {
      if (ids[i] !== left || ids[i + 1] !== right) {
        ids[length++] = ids[i]!;
        continue;
      }
      if (length > 0) {
        pairs.remove(ids[length - 1]!, left, count);
        pairs.add(ids[length - 1]!, id, count, word);
      }
      if (i + 2 < ids.length) {
        pairs.remove(right, ids[i + 2]!, count);
        pairs.add(id, ids[i + 2]!, count, word);
      }
      ids[length++] = id;
      i++;
    }
    ids.length = length;
  }
}
