// The tokens that are scored, the same ones at every length: those of all documents, one behind the other, each with the token
// that it is predicted from. At length L every document is cut into segments of L tokens from its beginning; a token is predicted
// from the tokens of its segment before it, and the first one of a segment from one token more: the one before the segment, or the
// prefix token at the beginning of a document. So a token sees 1 to L tokens, as in lm-evaluation-harness's disjoint windows.
import { createHash } from 'node:crypto';
import { prefixTokenOf } from '../evaluate/encode-pair.js';
import type { Tokenizer } from '../tokenizers/tokenizer.js';
import { UserError } from '../user-error.js';
import { countWords, type EvalDocument, type EvalText } from './eval-text.js';

export interface TargetStream {
  /** [N] the token before each target. */
  readonly inputs: Int32Array;
  /** [N] */
  readonly targets: Int32Array;
  /** Where documents begin, ascending from 0, and N at the end. */
  readonly bounds: readonly number[];
  readonly words: number;
  readonly bytes: number;
  /** SHA-256 of the scored text, document by document. */
  readonly digest: string;
}

/** Targets [start, end), predicted one after the other from nothing but the token before the first. */
export interface Segment {
  readonly start: number;
  readonly end: number;
}

/** A text without end is read up to so many tokens, unless it is said how many. */
const TOKENS_OF_ENDLESS = 2 ** 17;

/**
 * Encodes the documents, as many tokens of them as `limit` allows; the last one may be cut.
 * @throws UserError 'data' when there is no token, or one that the model does not have.
 */
export function encodeText(
  text: EvalText,
  tokenizer: Tokenizer,
  vocabularySize: number,
  limit: number | null,
): TargetStream {
  const prefix = prefixTokenOf(tokenizer, { bos: 'auto' });
  const most = limit ?? (text.endless ? TOKENS_OF_ENDLESS : Infinity);
  const digest = createHash('sha256');
  const documents: number[][] = [];
  let [tokens, words, bytes] = [0, 0, 0];
  for (const document of text.documents) {
    if (tokens >= most) break;
    const whole = tokenizer.encode(document.text);
    const scored = whole.slice(0, most - tokens);
    if (scored.length === 0) continue;
    const part = scored.length === whole.length ? document : cut(document, tokenizer.decode(scored));
    documents.push(scored);
    tokens += scored.length;
    words += part.words;
    bytes += part.bytes;
    digest.update(`${Buffer.byteLength(part.text)}\n`).update(part.text);
  }
  if (tokens === 0) throw new UserError('data', `${text.origin} has no token to score`, { where: text.origin });
  const targets = Int32Array.from(documents.flat());
  const foreign = targets.find((id) => id >= vocabularySize);
  if (foreign !== undefined)
    throw new UserError('data', `token ${foreign} of the tokenizer is beyond the model's ${vocabularySize}`, {
      where: tokenizer.name,
      hint: "--tokenizer with the model's own",
    });
  const bounds = [0];
  for (const document of documents) bounds.push(bounds.at(-1)! + document.length);
  const inputs = new Int32Array(tokens);
  inputs.set(targets.subarray(0, -1), 1);
  for (const start of bounds.slice(0, -1)) inputs[start] = prefix;
  return { inputs, targets, bounds, words, bytes, digest: digest.digest('hex') };
}

/** The beginning of a document. What a benchmark counts in its original text is shared out by what is left of this one. */
function cut({ text: whole, words, bytes }: EvalDocument, text: string): EvalDocument {
  return {
    text,
    words: Math.round((words * countWords(text)) / countWords(whole)),
    bytes: Math.round((bytes * Buffer.byteLength(text)) / Buffer.byteLength(whole)),
  };
}

/** Longest first, so that those that go through the model together are of nearly one length. */
export function segmentsOf({ bounds }: Pick<TargetStream, 'bounds'>, length: number): Segment[] {
  const segments = bounds.slice(0, -1).flatMap((from, document) => {
    const to = bounds[document + 1]!;
    return Array.from({ length: Math.ceil((to - from) / length) }, (_, k) => ({
      start: from + k * length,
      end: Math.min(from + (k + 1) * length, to),
    }));
  });
  return segments.sort((a, b) => b.end - b.start - (a.end - a.start));
}

export interface Units {
  /** What is taken for drawn by chance: a document, or a piece of one where there are too few of them. */
  readonly kind: 'document' | 'piece';
  /** Where they begin, ascending from 0, and N at the end. */
  readonly bounds: readonly number[];
}

const FEWEST_DOCUMENTS = 10;
const MOST_UNITS = 256;
const SHORTEST_PIECE = 512;

/**
 * The units of standard errors. Documents that follow each other are one unit where they are more than 256; pieces of 512 tokens
 * and more stand in for fewer than ten documents, and what they have in common with their neighbours then goes unseen.
 */
export function unitsOf({ bounds }: Pick<TargetStream, 'bounds'>): Units {
  const documents = bounds.length - 1;
  const total = bounds.at(-1)!;
  if (documents >= FEWEST_DOCUMENTS) {
    const together = Math.ceil(documents / MOST_UNITS);
    const starts = bounds.slice(0, -1).filter((_, document) => document % together === 0);
    return { kind: 'document', bounds: [...starts, total] };
  }
  const piece = Math.max(SHORTEST_PIECE, Math.ceil(total / MOST_UNITS));
  const starts = bounds.slice(0, -1).flatMap((from, document) =>
    // A rest shorter than half a piece belongs to the piece before it.
    Array.from({ length: Math.max(1, Math.round((bounds[document + 1]! - from) / piece)) }, (_, k) => from + k * piece),
  );
  return { kind: 'piece', bounds: [...starts, total] };
}
