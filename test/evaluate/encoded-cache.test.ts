import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { createCachedRequestEncoder } from '../../src/evaluate/encoded-cache.js';
import { createRequestEncoder } from '../../src/evaluate/request-encoder.js';
import type { EncoderSettings, RequestEncoder } from '../../src/evaluate/request-encoder.js';
import type { Request } from '../../src/tasks/task.js';
import { tokenizerFromJson } from '../../src/tokenizers/tokenizer-json.js';
import type { Tokenizer } from '../../src/tokenizers/tokenizer.js';
import { UserError } from '../../src/user-error.js';
import { noSettings, tinyBpe } from '../tokenizers/tiny-tokenizers.js';

const pair = (context: string, continuation: string): Request => ({ kind: 'loglikelihood', context, continuation });
/** With a shared context, a boundary merge, an empty context and a request that stands twice. */
const requests: Request[] = [
  pair('ab', ' c'),
  pair('ab', ' ab'),
  pair('a', 'b c'),
  pair('', 'ab'),
  pair('', 'c'),
  pair('ab', ' c'),
  { kind: 'rolling', text: 'abc ab c abc' },
  { kind: 'rolling', text: '' },
];

const tiny = tokenizerFromJson(tinyBpe, noSettings, 'tokenizer.json');

/** A tokenizer that counts the texts it encodes. */
function counting(base: Tokenizer = tiny): { tokenizer: Tokenizer; encoded: () => number } {
  let count = 0;
  const encode: Tokenizer['encode'] = (...text) => {
    count += 1;
    return base.encode(...text);
  };
  return { tokenizer: { ...base, encode }, encoded: () => count };
}

const settings = (tokenizer: Tokenizer, rest: Partial<EncoderSettings> = {}): EncoderSettings => ({
  tokenizer,
  options: { bos: 'auto' },
  maxLength: 4,
  ...rest,
});

async function cacheFor(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'swat-eval-cache-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return directory;
}

const answers = (encoder: RequestEncoder) =>
  requests.map((request) =>
    request.kind === 'rolling' ? encoder.windows(request.text) : encoder.pair(request.context, request.continuation),
  );
const expected = answers(createRequestEncoder(settings(tiny)));

async function onlyFile(cache: string): Promise<string> {
  const files = await readdir(path.join(cache, 'encoded'));
  return path.join(cache, 'encoded', files.length === 1 ? files[0]! : files.join());
}

test('the second run encodes nothing and gives the same ids', async (t) => {
  const cache = await cacheFor(t);
  const first = counting();
  t.deepEqual(answers(await createCachedRequestEncoder(requests, settings(first.tokenizer), cache)), expected);
  t.true(first.encoded() > 0);
  const second = counting();
  t.deepEqual(answers(await createCachedRequestEncoder(requests, settings(second.tokenizer), cache)), expected);
  t.is(second.encoded(), 0);
});

test('the longest input may change without another encoding', async (t) => {
  const cache = await cacheFor(t);
  await createCachedRequestEncoder(requests, settings(tiny), cache);
  const { tokenizer, encoded } = counting();
  const encoder = await createCachedRequestEncoder(requests, settings(tokenizer, { maxLength: 2 }), cache);
  t.deepEqual(answers(encoder), answers(createRequestEncoder(settings(tiny, { maxLength: 2 }))));
  t.is(encoded(), 0);
});

test('a request that the file does not have is encoded', async (t) => {
  const encoder = await createCachedRequestEncoder(requests, settings(tiny), await cacheFor(t));
  t.deepEqual(encoder.pair('b', ' a'), createRequestEncoder(settings(tiny)).pair('b', ' a'));
  t.deepEqual(encoder.windows('ba'), createRequestEncoder(settings(tiny)).windows('ba'));
});

test('another tokenizer, another option or other requests have a file of their own', async (t) => {
  const cache = await cacheFor(t);
  const withOther = tokenizerFromJson({ ...tinyBpe, normalizer: { type: 'NFC' } }, noSettings, 'tokenizer.json');
  await createCachedRequestEncoder(requests, settings(tiny), cache);
  await createCachedRequestEncoder(requests, settings(withOther), cache);
  await createCachedRequestEncoder(requests, settings(tiny, { options: { bos: 'always' } }), cache);
  await createCachedRequestEncoder(requests, settings(tiny, { options: { bos: 'auto', prefixToken: 1 } }), cache);
  await createCachedRequestEncoder(requests, settings(tiny, { options: { bos: 'auto', compat: 'lm-eval' } }), cache);
  await createCachedRequestEncoder(requests.slice(1), settings(tiny), cache);
  t.is((await readdir(path.join(cache, 'encoded'))).length, 6);
});

const damages: [what: string, damage: (content: Buffer) => Buffer][] = [
  ['with one changed id', (content) => Buffer.concat([content.subarray(0, -1), Buffer.from([99])])],
  ['that is cut off', (content) => content.subarray(0, -8)],
  ['that is longer', (content) => Buffer.concat([content, Buffer.alloc(4)])],
  ['of another key', (content) => Buffer.concat([content.subarray(0, 8), Buffer.alloc(32), content.subarray(40)])],
  ['of another format', (content) => Buffer.concat([Buffer.from('JUNK'), content.subarray(4)])],
  ['that is empty', () => Buffer.alloc(0)],
];
for (const [what, damage] of damages)
  test(`a file ${what} is written anew`, async (t) => {
    const cache = await cacheFor(t);
    await createCachedRequestEncoder(requests, settings(tiny), cache);
    const file = await onlyFile(cache);
    const whole = await readFile(file);
    await writeFile(file, damage(whole));
    t.deepEqual(answers(await createCachedRequestEncoder(requests, settings(tiny), cache)), expected);
    t.deepEqual(await readFile(await onlyFile(cache)), whole);
  });

test('a cache that cannot be written is an error that says which file, and nothing is left behind', async (t) => {
  const cache = await cacheFor(t);
  await writeFile(path.join(cache, 'encoded'), 'a file where the directory should be');
  await t.throwsAsync(createCachedRequestEncoder(requests, settings(tiny), cache), {
    instanceOf: UserError,
    message: /cannot write/,
  });
  t.deepEqual(await readdir(cache), ['encoded']);
});
