// A SentencePiece `tokenizer.model` as a Tokenizer. Truth: normalizer.cc and sentencepiece_processor.cc of google/sentencepiece 0.2.
import { createHash } from 'node:crypto';
import { createBpe } from './sentencepiece-bpe.js';
import { parseSentencePieceModel } from './sentencepiece-model.js';
import type { SentencePieceModel } from './sentencepiece-model.js';
import { addsSpecialTokens, specialTokenId } from './special-tokens.js';
import type { TokenizerSettings } from './special-tokens.js';
import type { Tokenizer } from './tokenizer.js';

/** What stands for a space in a piece. */
const SPACE = '\u2581';
/** Words whose pieces are remembered. */
const WORD_CACHE = 100_000;

/**
 * Special tokens are ids only: `<s>` in a text is three characters, and a control id decodes to nothing. A text gets a BOS
 * and no EOS, as Llama's does, unless tokenizer_config.json says otherwise.
 * @throws UserError 'data' when the model is damaged or not supported
 */
export function sentencePieceTokenizer(content: Buffer, settings: TokenizerSettings, file: string): Tokenizer {
  const model = parseSentencePieceModel(content, file);
  const ids = new Map(model.pieces.map((piece, id) => [piece.text, id]));
  const control = (piece: string): number | null => {
    const id = ids.get(piece);
    return id !== undefined && model.pieces[id]!.type === 'control' ? id : null;
  };
  const own = { bos: control(model.bosPiece), eos: control(model.eosPiece) };
  const names = { idOf: (token: string) => ids.get(token), vocabularySize: model.pieces.length, own };
  const bosTokenId = specialTokenId('bos', settings, names);
  const eosTokenId = specialTokenId('eos', settings, names);
  const adds = addsSpecialTokens(settings) ?? { bos: true, eos: false };
  const before = adds.bos && bosTokenId !== null ? [bosTokenId] : [];
  const after = adds.eos && eosTokenId !== null ? [eosTokenId] : [];
  const encodeText = createEncoder(model);

  return {
    name: file,
    vocabularySize: model.pieces.length,
    bosTokenId,
    eosTokenId,
    fingerprint: createHash('sha256')
      .update(JSON.stringify(['sentencepiece', before, after, bosTokenId, eosTokenId]))
      .update(content)
      .digest('hex'),
    encode: (text, { addSpecialTokens = false } = {}) =>
      addSpecialTokens ? [...before, ...encodeText(text), ...after] : encodeText(text),
    decode: (encoded) => decode(model, encoded),
  };
}

function createEncoder(model: SentencePieceModel): (text: string) => number[] {
  const { byteIds, unknownId, normalization } = model;
  const bpe = createBpe(model.pieces, (text) =>
    byteIds === null ? [unknownId] : [...Buffer.from(text, 'utf8')].map((byte) => byteIds[byte]!),
  );
  const normalize = createNormalizer(model);
  const encodeWords = normalization.escapeWhitespaces && isCutBetweenWords(model) ? wordByWord(bpe) : bpe;
  // Neighbouring unknown pieces count as one.
  const isRepeated = (id: number, index: number, all: number[]): boolean =>
    id === unknownId && all[index - 1] === unknownId;
  return (text) => encodeWords(normalize(text)).filter((id, index, all) => !isRepeated(id, index, all));
}

/** Whether no piece reaches from the end of a word over the space after it, so that words are cut independently of each other. */
function isCutBetweenWords({ pieces }: SentencePieceModel): boolean {
  return !pieces.some((piece) => /[^\u2581]\u2581/.test(piece.text));
}

function wordByWord(bpe: (text: string) => number[]): (text: string) => number[] {
  const cache = new Map<string, number[]>();
  const cached = (word: string): number[] => {
    const known = cache.get(word);
    if (known !== undefined) return known;
    if (cache.size === WORD_CACHE) cache.clear();
    const ids = bpe(word);
    cache.set(word, ids);
    return ids;
  };
  return (text) => (text.match(/\u2581+[^\u2581]*|[^\u2581]+/g) ?? []).flatMap(cached);
}

/** Adds the prefix that stands before the first word, escapes spaces, and drops superfluous ones where the model says so. */
function createNormalizer({ normalization }: SentencePieceModel): (text: string) => string {
  const { addDummyPrefix, removeExtraWhitespaces, escapeWhitespaces } = normalization;
  const space = escapeWhitespaces ? SPACE : ' ';
  const trailing = new RegExp(`${space}+$`);
  return (text) => {
    const kept = removeExtraWhitespaces ? text.replace(/^ +/, '').replace(/ {2,}/g, ' ') : text;
    if (kept === '') return '';
    const normalized = (addDummyPrefix ? space : '') + kept.replaceAll(' ', space);
    return removeExtraWhitespaces ? normalized.replace(trailing, '') : normalized;
  };
}

/** Text of the pieces: bytes are put together, and the prefix that encoding added is taken off. */
function decode(model: SentencePieceModel, ids: readonly number[]): string {
  const { addDummyPrefix, removeExtraWhitespaces } = model.normalization;
  const byteOf = new Map(model.byteIds?.map((id, byte) => [id, byte]));
  let text = '';
  let bytes: number[] = [];
  let prefixExpected = addDummyPrefix || removeExtraWhitespaces;
  const flushBytes = (): void => {
    text += Buffer.from(bytes).toString('utf8');
    bytes = [];
  };
  for (const id of ids) {
    const byte = byteOf.get(id);
    if (byte !== undefined) {
      bytes.push(byte);
      continue;
    }
    flushBytes();
    const surface = surfaceOf(model, id);
    const strip = prefixExpected && text === '' && surface.startsWith(SPACE);
    if (strip && !removeExtraWhitespaces) prefixExpected = false;
    text += (strip ? surface.slice(SPACE.length) : surface).replaceAll(SPACE, ' ');
  }
  flushBytes();
  return text;
}

/** @throws RangeError when the model has no such id */
function surfaceOf({ pieces, unknownSurface }: SentencePieceModel, id: number): string {
  const piece = pieces[id];
  if (piece === undefined) throw new RangeError(`token id ${id} is outside of the vocabulary of ${pieces.length}`);
  switch (piece.type) {
    case 'control':
      return '';
    case 'unknown':
      return unknownSurface;
    case 'normal':
    case 'user-defined':
    case 'unused':
    case 'byte':
      return piece.text;
    default:
      return piece.type satisfies never;
  }
}
