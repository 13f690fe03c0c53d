import test from 'ava';
import { createPairEncoder, createTextEncoder, inputAndTargets } from '../../src/evaluate/encode-pair.js';
import type { BosPolicy } from '../../src/evaluate/encode-pair.js';
import { byteTokenizer, END_OF_TEXT } from '../../src/tokenizers/byte-tokenizer.js';
import { sentencePieceTokenizer } from '../../src/tokenizers/sentencepiece-tokenizer.js';
import { tokenizerFromJson } from '../../src/tokenizers/tokenizer-json.js';
import type { Tokenizer } from '../../src/tokenizers/tokenizer.js';
import { UserError } from '../../src/user-error.js';
import { byteLevelBpe, noSettings, sentencePieceModel, tinyBpe } from '../tokenizers/tiny-tokenizers.js';

/** a 0, b 1, c 2, space 3, ab 4, space-a 5, abc 6, end 7; adds nothing to a text. */
const plain = tokenizerFromJson(tinyBpe, noSettings, 'tokenizer.json');
/** The same, with the end as a BOS before each text. */
const withBos = tokenizerFromJson(
  tinyBpe,
  { ...noSettings, tokenizerConfig: { add_bos_token: true, bos_token: '<|endoftext|>' } },
  'tokenizer.json',
);
const noSpecials: Tokenizer = { ...plain, bosTokenId: null, eosTokenId: null };

const pair = (context: string, continuation: string, tokenizer = plain, bos: BosPolicy = 'auto') =>
  createPairEncoder(tokenizer, { bos })(context, continuation);

test('the tokens of the context are the context, the rest of the whole is the continuation', (t) => {
  t.deepEqual(pair('ab', ' abc'), { context: [4], continuation: [3, 6], boundaryMerge: false });
});

test('white space at the end of the context belongs to the continuation', (t) => {
  t.deepEqual(pair('b ', 'a'), { context: [1], continuation: [5], boundaryMerge: false });
});

test("white space is Python's: U+001F is moved, U+FEFF is not", (t) => {
  const { context } = pair('a\u001f', 'b', byteTokenizer);
  t.deepEqual(context, [0x61]);
  t.deepEqual(pair('a\ufeff', 'b', byteTokenizer).context, [0x61, 0xef, 0xbb, 0xbf]);
});

test('where a merge shifts the split, what lm-eval scores is scored, and the merge is told', (t) => {
  // Alone `a`; with the continuation `ab`, `c`: the one token of the context covers one character of the continuation.
  t.deepEqual(pair('a', 'b c'), { context: [0], continuation: [3, 2], boundaryMerge: true });
});

test('where a merge leaves nothing to score, the continuation is encoded by itself', (t) => {
  t.deepEqual(pair('a', 'bc'), { context: [0], continuation: [1, 2], boundaryMerge: true });
});

test('an empty context is the prefix token: the BOS, else the EOS', (t) => {
  t.deepEqual(pair('', 'ab'), { context: [7], continuation: [4], boundaryMerge: false });
  t.deepEqual(pair('', 'ab', { ...plain, bosTokenId: null, eosTokenId: 2 }).context, [2]);
  t.deepEqual(pair('', 'a', byteTokenizer).context, [END_OF_TEXT]);
});

test('a given prefix token goes before the BOS', (t) => {
  t.deepEqual(createPairEncoder(plain, { bos: 'auto', prefixToken: 2 })('', 'ab').context, [2]);
});

test('a context of white space alone is an empty one', (t) => {
  t.deepEqual(pair(' ', 'a'), { context: [7], continuation: [5], boundaryMerge: false });
});

test('a continuation that starts with the prefix token has its context there', (t) => {
  t.deepEqual(pair('', '<|endoftext|>ab'), { context: [7], continuation: [4], boundaryMerge: false });
});

test('an empty context without any prefix token is an error', (t) => {
  const error = t.throws(() => pair('', 'a', noSpecials), { instanceOf: UserError, message: /no BOS or EOS token/ });
  t.is(error?.kind, 'data');
  t.deepEqual(pair('a', ' a', noSpecials).context, [0]);
});

test('--bos auto leaves the BOS to the tokenizer, always adds it, never leaves it out', (t) => {
  const first = (tokenizer: Tokenizer, bos: BosPolicy) => pair('ab', ' c', tokenizer, bos).context;
  t.deepEqual(first(plain, 'auto'), [4]);
  t.deepEqual(first(withBos, 'auto'), [7, 4]);
  t.deepEqual(first(plain, 'always'), [7, 4]);
  t.deepEqual(first(withBos, 'always'), [7, 4]);
  t.deepEqual(first(withBos, 'never'), [4]);
});

test('a text that starts with the BOS written out gets no second one', (t) => {
  for (const bos of ['auto', 'always', 'never'] as const)
    t.deepEqual(createTextEncoder(withBos, { bos })('<|endoftext|>ab'), [7, 4]);
});

test('--bos always needs a token to add', (t) => {
  t.throws(() => createTextEncoder(noSpecials, { bos: 'always' }), { instanceOf: UserError });
});

test('a SentencePiece pair splits at the boundary, the prefix space stands before the context alone', (t) => {
  const pieces = [{ text: '\u2581' }, { text: 'a' }, { text: 'b' }];
  const tokenizer = sentencePieceTokenizer(sentencePieceModel({ pieces }), noSettings, 'tokenizer.model');
  t.deepEqual(pair('a', ' b', tokenizer), { context: [1, 3, 4], continuation: [3, 5], boundaryMerge: false });
});

test('a pair encoder gives one answer, whatever it encoded before', (t) => {
  const encode = createPairEncoder(plain, { bos: 'auto' });
  const requests = [
    ['a', ' b'],
    ['a', ' c'],
    ['b', ' c'],
    ['', 'c'],
    ['a', ' b'],
  ];
  for (const [context, continuation] of requests)
    t.deepEqual(encode(context!, continuation!), pair(context!, continuation!));
});

test('the input leaves the last token out, and loses tokens on the left when it is too long', (t) => {
  const span = { context: [1, 2, 3], continuation: [4, 5] };
  t.deepEqual(inputAndTargets(span, 4), { kind: 'scorable', input: [1, 2, 3, 4], targets: [4, 5], truncated: false });
  t.deepEqual(inputAndTargets(span, 3), { kind: 'scorable', input: [2, 3, 4], targets: [4, 5], truncated: true });
  // The first target is predicted from the last token of the context, always.
  t.deepEqual(inputAndTargets(span, 2), { kind: 'scorable', input: [3, 4], targets: [4, 5], truncated: true });
});

test('a continuation that is empty, or longer than the input, cannot be scored', (t) => {
  t.is(inputAndTargets({ context: [1, 2, 3], continuation: [4, 5] }, 1).kind, 'unscorable');
  t.is(inputAndTargets({ context: [1], continuation: [] }, 9).kind, 'unscorable');
});

test('of random texts under random merges, context and continuation are the text, and each merge over the boundary is told', (t) => {
  const random = mulberry32(20);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  let merged = 0;
  for (let round = 0; round < 40; round += 1) {
    const tokens = ['a', 'b', 'c', '\u0120'];
    const merges = Array.from({ length: 12 }, () => {
      const merge = [pick(tokens), pick(tokens.filter((token) => !token.startsWith('\u0120')))] as const;
      tokens.push(merge.join(''));
      return merge;
    });
    const tokenizer = tokenizerFromJson(byteLevelBpe('abc\u0120', merges), noSettings, 'tokenizer.json');
    const encode = createPairEncoder(tokenizer, { bos: 'auto' });
    const text = (length: number) => Array.from({ length }, () => pick(['a', 'b', 'c', ' '])).join('');
    for (let trial = 0; trial < 25; trial += 1) {
      const context = `a${text(Math.floor(random() * 8))}`;
      const continuation = text(1 + Math.floor(random() * 8));
      const { boundaryMerge, ...encoded } = encode(context, continuation);
      const whole = tokenizer.encode(context + continuation);
      const alone = tokenizer.encode(context.trimEnd());
      t.is(boundaryMerge, whole.slice(0, alone.length).join() !== alone.join());
      t.deepEqual(encoded.context, alone);
      t.true(encoded.continuation.length > 0);
      if (!boundaryMerge) t.is(tokenizer.decode([...encoded.context, ...encoded.continuation]), context + continuation);
      else if (whole.length > alone.length) t.deepEqual(encoded.continuation, whole.slice(alone.length));
      else t.is(tokenizer.decode(encoded.continuation), context.slice(context.trimEnd().length) + continuation);
      if (boundaryMerge) merged += 1;
    }
  }
  t.true(merged > 50);
});

/** A small generator with a seed (Tommy Ettinger's mulberry32): uniform in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
