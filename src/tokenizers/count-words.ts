// Counts the words of a corpus that comes in pieces, as a tokenizer cuts it: special tokens apart, then GPT-2's split.
import { UserError } from '../user-error.js';
import { lastCut, splitWords } from './gpt2-split.js';

/** Characters that may follow each other without a white space between them: a corpus beyond is no text, or would not end. */
const LONGEST_STRETCH = 2 ** 20;

/** Strings from this length on are views of the text they were cut from (V8), and would keep all of it in memory. */
const SHORTEST_VIEW = 13;

export class WordCounter {
  /** How often each word occurs, in the order of first occurrence. */
  readonly counts = new Map<string, number>();
  readonly #specials: RegExp | null;
  /** The end of a document's text so far, where a word may go on. */
  #pending = '';

  /** @param specials texts that are tokens of their own: they are no words, and no word goes over them */
  constructor(specials: readonly string[]) {
    const patterns = specials.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
    this.#specials = patterns.length === 0 ? null : new RegExp(patterns.join('|'));
  }

  /**
   * Adds a piece of a document; documents are cut anywhere.
   * @param where what an error names
   * @throws UserError 'data' for a text without white space.
   */
  add(text: string, where: string): void {
    const known = this.#pending + text;
    const cut = lastCut(known);
    this.#count(known.slice(0, cut));
    this.#pending = known.slice(cut);
    if (this.#pending.length > LONGEST_STRETCH)
      throw new UserError(
        'data',
        `${where} has more than ${LONGEST_STRETCH.toLocaleString('en-US')} characters in a row that no white space parts`,
        {
          where,
          hint: 'a corpus of text, with spaces or line ends',
        },
      );
  }

  endDocument(): void {
    this.#count(this.#pending);
    this.#pending = '';
  }

  #count(text: string): void {
    for (const stretch of this.#specials === null ? [text] : text.split(this.#specials))
      for (const word of splitWords(stretch)) {
        const count = this.counts.get(word);
        if (count !== undefined) this.counts.set(word, count + 1);
        else this.counts.set(word.length < SHORTEST_VIEW ? word : Buffer.from(word).toString(), 1);
      }
  }
}
