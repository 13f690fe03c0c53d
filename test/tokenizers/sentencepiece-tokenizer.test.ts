import test from 'ava';
import { sentencePieceTokenizer } from '../../src/tokenizers/sentencepiece-tokenizer.js';
import { UserError } from '../../src/user-error.js';
import { noSettings, sentencePieceModel } from './tiny-tokenizers.js';
import type { TinyModel, TinyPiece } from './tiny-tokenizers.js';

const load = (model: TinyModel, tokenizerConfig = {}) =>
  sentencePieceTokenizer(sentencePieceModel(model), { ...noSettings, tokenizerConfig }, 'tokenizer.model');

/** Ids 3 to 8, or 259 to 264 with byte fallback. */
const pieces: TinyPiece[] = [
  { text: '\u2581', score: -10 },
  { text: 'a', score: -11 },
  { text: 'b', score: -12 },
  { text: 'ab', score: -1 },
  { text: '\u2581a', score: -2 },
  { text: '\u2581ab', score: -3 },
];

test('of all pairs the one with the highest score merges first', (t) => {
  const tokenizer = load({ pieces });
  t.deepEqual(tokenizer.encode('ab'), [8]);
  t.deepEqual(tokenizer.encode('aab'), [7, 6]);
});

test('of pairs with one score the leftmost merges first', (t) => {
  t.deepEqual(load({ pieces: [...pieces, { text: 'aa', score: -1 }] }).encode('aaa'), [3, 9, 4]);
});

test('spaces stay, and one more stands before the text', (t) => {
  const tokenizer = load({ pieces });
  t.deepEqual(tokenizer.encode(' a  b '), [3, 7, 3, 3, 5, 3]);
  t.is(tokenizer.decode(tokenizer.encode(' a  b ')), ' a  b ');
  t.deepEqual(tokenizer.encode(''), []);
  t.deepEqual(load({ pieces, addDummyPrefix: false }).encode('a b'), [4, 3, 5]);
});

test('superfluous spaces go where the model says so', (t) => {
  const tokenizer = load({ pieces, removeExtraWhitespaces: true });
  t.deepEqual(tokenizer.encode('  a   b '), [7, 3, 5]);
  t.deepEqual(tokenizer.encode('   '), []);
});

test('a piece that reaches over a space is found', (t) => {
  t.deepEqual(load({ pieces: [...pieces, { text: 'b\u2581', score: -0.5 }] }).encode('ab a'), [7, 9, 4]);
});

test('a character that is no piece becomes its bytes, which decode to it', (t) => {
  const tokenizer = load({ pieces, byteFallback: true });
  t.deepEqual(tokenizer.encode('é'), [259, 3 + 0xc3, 3 + 0xa9]);
  t.is(tokenizer.decode(tokenizer.encode('a é\n😀')), 'a é\n😀');
});

test('without byte fallback a run of unknown characters is one unknown piece', (t) => {
  const tokenizer = load({ pieces });
  t.deepEqual(tokenizer.encode('axyb'), [7, 0, 5]);
  t.is(tokenizer.decode([7, 0, 5]), 'a \u2047 b');
});

test('a user-defined piece is cut out whole and merges with nothing', (t) => {
  const tokenizer = load({ pieces: [...pieces, { text: 'bb', type: 4 }, { text: 'abb', score: 0 }] });
  t.deepEqual(tokenizer.encode('abb'), [7, 9]);
  t.deepEqual(tokenizer.encode('bbb'), [3, 9, 5]);
});

test('an unused piece is taken apart into what it merged from', (t) => {
  const tokenizer = load({ pieces: [...pieces, { text: 'abab', score: -0.5, type: 5 }] });
  t.deepEqual(tokenizer.encode('aabab'), [7, 6, 6]);
});

test('control pieces are not read from the text, and have none', (t) => {
  const tokenizer = load({ pieces, byteFallback: true });
  t.false(tokenizer.encode('<s>').includes(1));
  t.is(tokenizer.decode([1, 264, 2]), 'ab');
});

test('a BOS is added where asked for, and an EOS when tokenizer_config.json says so', (t) => {
  const tokenizer = load({ pieces });
  t.deepEqual([tokenizer.bosTokenId, tokenizer.eosTokenId, tokenizer.vocabularySize], [1, 2, 9]);
  t.deepEqual(tokenizer.encode('ab', { addSpecialTokens: true }), [1, 8]);
  t.deepEqual(tokenizer.encode('ab'), [8]);
  const settings = { add_bos_token: false, add_eos_token: true };
  t.deepEqual(load({ pieces }, settings).encode('ab', { addSpecialTokens: true }), [8, 2]);
});

const bad: [what: string, content: Buffer, message: RegExp][] = [
  ['that is empty', Buffer.alloc(0), /it has no pieces/],
  ['that is cut off', sentencePieceModel({ pieces }).subarray(0, 50), /ends after its message/],
  ['that is something else', Buffer.from('no model at all'), /not a SentencePiece model/],
  ['of unigram type', sentencePieceModel({ pieces, modelType: 1 }), /type unigram is not supported, only BPE/],
  ['with another normalization', sentencePieceModel({ pieces, charsmap: 'x' }), /"nmt_nfkc" is not supported/],
  ['with white space as a suffix', sentencePieceModel({ pieces, whitespaceAsSuffix: true }), /suffix is not supported/],
  ['with a piece twice', sentencePieceModel({ pieces: [...pieces, { text: 'a' }] }), /a piece stands in it twice/],
  ['with an empty piece', sentencePieceModel({ pieces: [{ text: '' }] }), /a piece has no text/],
];
for (const [what, content, message] of bad)
  test(`a model ${what} is an error that names the file`, (t) => {
    const error = t.throws(() => sentencePieceTokenizer(content, noSettings, 'tokenizer.model'), {
      instanceOf: UserError,
      message,
    });
    t.is(error?.kind, 'data');
    t.is(error?.where, 'tokenizer.model');
  });
