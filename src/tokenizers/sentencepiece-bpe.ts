// Cuts a normalized text into the pieces of a SentencePiece BPE model. Truth: bpe_model.cc of google/sentencepiece 0.2: of all
// neighbours whose concatenation is a piece, those with the highest score merge first, the leftmost ones on ties.
import { PriorityQueue } from './priority-queue.js';
import type { Piece } from './sentencepiece-model.js';

/** Ids of the pieces of a normalized text; what is no piece gives `unknown` of its characters. */
export function createBpe(
  pieces: readonly Piece[],
  unknown: (text: string) => readonly number[],
): (text: string) => number[] {
  const mergeable = new Map<string, number>();
  const userDefined: string[] = [];
  pieces.forEach((piece, id) => {
    if (piece.type === 'normal' || piece.type === 'user-defined' || piece.type === 'unused')
      mergeable.set(piece.text, id);
    if (piece.type === 'user-defined') userDefined.push(piece.text);
  });
  const firstSymbols = createSymbolizer(userDefined);

  return (text) => {
    const { symbols, frozen } = firstSymbols(text);
    const previous = symbols.map((_, index) => index - 1);
    const next = symbols.map((_, index) => (index + 1 < symbols.length ? index + 1 : -1));
    const agenda = new PriorityQueue(isBefore);
    /** The two symbols that an unused piece was made of: it is taken apart again at the end. */
    const parts = new Map<string, [left: string, right: string]>();

    const propose = (left: number, right: number): void => {
      if (left < 0 || right < 0 || frozen.has(left) || frozen.has(right)) return;
      const merged = symbols[left]! + symbols[right]!;
      const id = mergeable.get(merged);
      if (id === undefined) return;
      agenda.push({ left, right, score: pieces[id]!.score, length: merged.length });
      if (pieces[id]!.type === 'unused') parts.set(merged, [symbols[left]!, symbols[right]!]);
    };

    for (let right = 1; right < symbols.length; right += 1) propose(right - 1, right);
    for (let pair = agenda.pop(); pair !== undefined; pair = agenda.pop()) {
      const { left, right, length } = pair;
      // A symbol of the pair has merged with another one since.
      if (symbols[left] === '' || symbols[right] === '' || symbols[left]!.length + symbols[right]!.length !== length)
        continue;
      symbols[left]! += symbols[right]!;
      symbols[right] = '';
      next[left] = next[right]!;
      if (next[left] >= 0) previous[next[left]] = left;
      propose(previous[left]!, left);
      propose(left, next[left]);
    }

    const idsOf = (symbol: string): readonly number[] => {
      const id = mergeable.get(symbol);
      if (id === undefined) return unknown(symbol);
      const halves = parts.get(symbol);
      return pieces[id]!.type === 'unused' && halves !== undefined ? halves.flatMap(idsOf) : [id];
    };
    return symbols.flatMap((symbol) => (symbol === '' ? [] : idsOf(symbol)));
  };
}

/** Splits a text into characters, and user-defined pieces (the longest at each place), which never merge. */
function createSymbolizer(
  userDefined: readonly string[],
): (text: string) => { symbols: string[]; frozen: Set<number> } {
  if (userDefined.length === 0) return (text) => ({ symbols: [...text], frozen: new Set() });
  const longestFirst = [...userDefined].sort((a, b) => b.length - a.length);
  return (text) => {
    const symbols: string[] = [];
    const frozen = new Set<number>();
    for (let offset = 0; offset < text.length; offset += symbols.at(-1)!.length) {
      const piece = longestFirst.find((candidate) => text.startsWith(candidate, offset));
      if (piece !== undefined) frozen.add(symbols.length);
      symbols.push(piece ?? String.fromCodePoint(text.codePointAt(offset)!));
    }
    return { symbols, frozen };
  };
}

/** Two neighbouring symbols that may merge into a piece of `length` UTF-16 units. */
interface Pair {
  readonly left: number;
  readonly right: number;
  readonly score: number;
  readonly length: number;
}

/** The highest score first, then the leftmost. */
function isBefore(a: Pair, b: Pair): boolean {
  return a.score > b.score || (a.score === b.score && a.left < b.left);
}
