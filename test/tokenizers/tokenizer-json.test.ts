import test from 'ava';
import type { TokenizerSettings } from '../../src/tokenizers/special-tokens.js';
import type { JsonObject } from '../../src/tokenizers/tokenizer-file.js';
import { tokenizerFromJson } from '../../src/tokenizers/tokenizer-json.js';
import { UserError } from '../../src/user-error.js';
import { noSettings, tinyBpe } from './tiny-tokenizers.js';

const load = (description: JsonObject, settings: Partial<TokenizerSettings> = {}) =>
  tokenizerFromJson(description, { ...noSettings, ...settings }, 'tokenizer.json');

test('merges apply in their order, inside of words', (t) => {
  const tokenizer = load(tinyBpe);
  t.deepEqual(tokenizer.encode('abc'), [6]);
  t.deepEqual(tokenizer.encode(' a'), [5]);
  // a+b comes before space+a.
  t.deepEqual(tokenizer.encode('ab abc'), [4, 3, 6]);
  t.deepEqual(tokenizer.encode(''), []);
});

test('a special token written out is one id', (t) => {
  t.deepEqual(load(tinyBpe).encode('a<|endoftext|>b'), [0, 7, 1]);
});

test('decoding gives the text back, with special tokens written out', (t) => {
  const tokenizer = load(tinyBpe);
  for (const text of ['', 'abc a  b', 'a<|endoftext|>b']) t.is(tokenizer.decode(tokenizer.encode(text)), text);
});

test('the vocabulary counts the added tokens', (t) => {
  t.is(load(tinyBpe).vocabularySize, 8);
});

test('without other files, BOS and EOS are the special tokens known by name', (t) => {
  const { bosTokenId, eosTokenId } = load(tinyBpe);
  t.deepEqual([bosTokenId, eosTokenId], [7, 7]);
});

test('tokenizer_config.json names BOS and EOS before special_tokens_map.json, and this before ids in the configs', (t) => {
  const ids = (settings: Partial<TokenizerSettings>) => {
    const { bosTokenId, eosTokenId } = load(tinyBpe, settings);
    return [bosTokenId, eosTokenId];
  };
  const config = { bos_token_id: 2, eos_token_id: [3, 4] };
  const specialTokensMap = { bos_token: { content: 'b' } };
  t.deepEqual(ids({ config }), [2, 3]);
  t.deepEqual(ids({ config, specialTokensMap }), [1, 3]);
  t.deepEqual(ids({ config, specialTokensMap, tokenizerConfig: { bos_token: 'a', eos_token: null } }), [0, null]);
});

test('ids of a config that the vocabulary does not have are not taken', (t) => {
  t.is(load(tinyBpe, { config: { bos_token_id: 50256 } }).bosTokenId, 7);
});

test('special tokens are added where asked for, as the post-processor says', (t) => {
  const post_processor = {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<|endoftext|>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  };
  const tokenizer = load({ ...tinyBpe, post_processor });
  t.deepEqual(tokenizer.encode('ab', { addSpecialTokens: true }), [7, 4]);
  t.deepEqual(tokenizer.encode('ab'), [4]);
  t.deepEqual(load(tinyBpe).encode('ab', { addSpecialTokens: true }), [4]);
});

test('add_bos_token of tokenizer_config.json overrules the post-processor, and Llama classes add a BOS by default', (t) => {
  const encode = (tokenizerConfig: JsonObject) =>
    load(tinyBpe, { tokenizerConfig: { bos_token: 'c', eos_token: 'b', ...tokenizerConfig } }).encode('ab', {
      addSpecialTokens: true,
    });
  t.deepEqual(encode({}), [4]);
  t.deepEqual(encode({ add_bos_token: true }), [2, 4]);
  t.deepEqual(encode({ tokenizer_class: 'LlamaTokenizerFast', add_eos_token: true }), [2, 4, 1]);
  t.deepEqual(encode({ tokenizer_class: 'LlamaTokenizer', add_bos_token: false }), [4]);
});

test('two tokenizers have one fingerprint exactly when they encode alike', (t) => {
  t.is(load(tinyBpe).fingerprint, tokenizerFromJson({ ...tinyBpe }, noSettings, 'elsewhere.json').fingerprint);
  t.not(load(tinyBpe).fingerprint, load({ ...tinyBpe, normalizer: { type: 'NFC' } }).fingerprint);
  t.not(load(tinyBpe).fingerprint, load(tinyBpe, { tokenizerConfig: { bos_token: 'a' } }).fingerprint);
});

const bad: [what: string, description: JsonObject, message: RegExp][] = [
  ['without a model', { version: '1.0' }, /has no "model"/],
  [
    'with a model of another type',
    { ...tinyBpe, model: { type: 'WordLevel', vocab: { a: 0 } } },
    /"WordLevel" is not supported/,
  ],
  [
    'without a vocabulary',
    { ...tinyBpe, model: { type: 'BPE', merges: [] } },
    /vocabulary of this tokenizer is missing/,
  ],
  [
    'with an id that is no number',
    { ...tinyBpe, model: { type: 'BPE', vocab: { a: 'x' } } },
    /vocabulary of this tokenizer is missing/,
  ],
  [
    'with damaged added tokens',
    { ...tinyBpe, added_tokens: [{ content: 'x' }] },
    /"added_tokens" of this tokenizer are damaged/,
  ],
  [
    'that the library cannot build',
    { ...tinyBpe, normalizer: { type: 'Nonsense' } },
    /cannot be built: Unknown Normalizer/,
  ],
];
for (const [what, description, message] of bad)
  test(`a tokenizer.json ${what} is an error that names the file`, (t) => {
    const error = t.throws(() => load(description), { instanceOf: UserError, message });
    t.is(error?.kind, 'data');
    t.is(error?.where, 'tokenizer.json');
  });

test('a text that the vocabulary has no id for is an error, not a hole', (t) => {
  const wordPiece = {
    pre_tokenizer: { type: 'WhitespaceSplit' },
    model: {
      type: 'WordPiece',
      vocab: { a: 0 },
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 9,
    },
  };
  t.throws(() => load(wordPiece).encode('a b'), {
    instanceOf: UserError,
    message: /no id for a part of the text "a b"/,
  });
});
