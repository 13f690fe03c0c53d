import path from 'node:path';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { loadTokenizer } from '../../src/tokenizers/load-tokenizer.js';
import { UserError } from '../../src/user-error.js';
import { directoryWith, sentencePieceModel, tinyBpe, vocabularyOf } from './tiny-tokenizers.js';
import type { Files } from './tiny-tokenizers.js';

const merges = [
  ['a', 'b'],
  ['\u0120', 'a'],
  ['ab', 'c'],
] as const;
const vocabulary = { ...vocabularyOf('abc\u0120', merges), '<|endoftext|>': 7 };
const mergeLines = ['#version: 0.2', ...merges.map((merge) => merge.join(' ')), ''].join('\n');
const model = sentencePieceModel({ pieces: [{ text: '\u2581' }, { text: 'a' }] });

test('a directory gives its tokenizer.json, else its tokenizer.model, else its vocabulary and merges', async (t) => {
  const all = { 'vocab.json': vocabulary, 'merges.txt': mergeLines };
  const nameIn = async (files: Files) => path.basename((await loadTokenizer(await directoryWith(t, files))).name);
  t.is(await nameIn({ ...all, 'tokenizer.model': model, 'tokenizer.json': tinyBpe }), 'tokenizer.json');
  t.is(await nameIn({ ...all, 'tokenizer.model': model }), 'tokenizer.model');
  t.is(await nameIn(all), 'vocab.json');
  t.is(await nameIn({ 'encoder.json': vocabulary, 'vocab.bpe': mergeLines }), 'encoder.json');
  t.is(await nameIn({ '20B_tokenizer.json': tinyBpe }), '20B_tokenizer.json');
});

test('GPT-2 files encode as the tokenizer.json that says the same', async (t) => {
  const tokenizer = await loadTokenizer(await directoryWith(t, { 'vocab.json': vocabulary, 'merges.txt': mergeLines }));
  t.deepEqual(tokenizer.encode('ab abc<|endoftext|>'), [4, 3, 6, 7]);
  t.deepEqual([tokenizer.bosTokenId, tokenizer.eosTokenId, tokenizer.vocabularySize], [7, 7, 8]);
});

test('either of the two GPT-2 files leads to the tokenizer', async (t) => {
  const directory = await directoryWith(t, { 'vocab.json': vocabulary, 'merges.txt': mergeLines });
  const byMerges = await loadTokenizer(path.join(directory, 'merges.txt'));
  t.is(byMerges.fingerprint, (await loadTokenizer(path.join(directory, 'vocab.json'))).fingerprint);
});

test('a gzipped file is the same tokenizer', async (t) => {
  const gzipped = { 'tokenizer.json.gz': gzipSync(JSON.stringify(tinyBpe)) };
  const [plain, packed] = [await directoryWith(t, { 'tokenizer.json': tinyBpe }), await directoryWith(t, gzipped)];
  t.is((await loadTokenizer(plain)).fingerprint, (await loadTokenizer(packed)).fingerprint);
});

test('a file of any name is told by its content, and the files beside it count', async (t) => {
  const directory = await directoryWith(t, {
    mine: tinyBpe,
    'tokenizer_config.json': { bos_token: 'a' },
    'pieces.v1': model,
  });
  t.is((await loadTokenizer(path.join(directory, 'mine'))).bosTokenId, 0);
  t.deepEqual((await loadTokenizer(path.join(directory, 'pieces.v1'))).encode('a'), [3, 4]);
});

test("Python's Infinity in a config.json does no harm, and stays in strings", async (t) => {
  const config = '{"limit": -Infinity, "share": NaN, "note": "Infinity", "bos_token_id": 2}';
  t.is(
    (await loadTokenizer(await directoryWith(t, { 'tokenizer.json': tinyBpe, 'config.json': config }))).bosTokenId,
    2,
  );
});

test('bytes needs no file', async (t) => {
  t.is((await loadTokenizer('bytes')).vocabularySize, 257);
});

const truncated = JSON.stringify(tinyBpe).slice(0, -20);
const bad: [what: string, files: Files, message: RegExp, where: RegExp][] = [
  ['no tokenizer', {}, /^no tokenizer found$/, /swat-eval-tokenizer-/],
  ['a damaged tokenizer.json', { 'tokenizer.json': truncated }, /^not valid JSON: /, /tokenizer\.json$/],
  ['a JSON list', { 'tokenizer.json': ' [1]' }, /a JSON object was expected/, /tokenizer\.json$/],
  ['a web page', { 'tokenizer.json': '<html>' }, /^not valid JSON: /, /tokenizer\.json$/],
  ['an empty object', { 'tokenizer.json': '{}' }, /no "model"/, /tokenizer\.json$/],
  ['a damaged gzip file', { 'tokenizer.json.gz': gzipSync(truncated).subarray(0, 30) }, /damaged gzip file/, /\.gz$/],
  [
    'a damaged tokenizer_config.json',
    { 'tokenizer.json': tinyBpe, 'tokenizer_config.json': '{' },
    /not valid JSON/,
    /_config\.json$/,
  ],
  [
    'a vocabulary without merges',
    { 'vocab.json': vocabulary },
    /half of a tokenizer: merges.txt or vocab.bpe/,
    /vocab\.json$/,
  ],
  [
    'a merge of three tokens',
    { 'vocab.json': vocabulary, 'merges.txt': 'a b\na b c\n' },
    /must be two tokens/,
    /merges\.txt:2$/,
  ],
  [
    'merges of another vocabulary',
    { 'vocab.json': vocabulary, 'merges.txt': 'c a\n' },
    /"c a" gives a token/,
    /merges\.txt:1$/,
  ],
];
for (const [what, files, message, where] of bad)
  test(`${what} is an error that says where and what to do`, async (t) => {
    const error = await t.throwsAsync(loadTokenizer(await directoryWith(t, files)), { instanceOf: UserError, message });
    t.is(error?.kind, 'data');
    t.regex(error?.where ?? '', where);
    t.truthy(error?.hint);
  });

test('a path that is not there is an error that names it', async (t) => {
  await t.throwsAsync(loadTokenizer('no-such-tokenizer'), {
    instanceOf: UserError,
    message: 'tokenizer file not found',
  });
});
