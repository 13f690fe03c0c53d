import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { loadTokenizer } from '../../src/tokenizers/load-tokenizer.js';
import { needsShared } from '../shared.js';

const WHOLE_FILE = 'wikitext-2-raw/wiki.test.raw';

interface Reference {
  whole_file_token_counts: Record<string, Record<string, number>>;
  cases: ({ text: string } & Record<string, number[]>)[];
}

for (const name of ['gpt2', 'gpt-neox-20b', 'mistral-v1']) {
  test(`${name} encodes as Hugging Face tokenizers and sentencepiece do`, async (t) => {
    const file = needsShared(t, 'data', 'tokenizers', 'fixtures.json');
    const directory = needsShared(t, 'data', 'tokenizers', name);
    if (file === null || directory === null) return;
    const { cases } = JSON.parse(readFileSync(file, 'utf8')) as Reference;
    const tokenizer = await loadTokenizer(directory);
    for (const { text, [name]: ids } of cases) {
      t.deepEqual(tokenizer.encode(text), ids, text);
      t.is(tokenizer.decode(ids!), text);
    }
  });

  test(`${name} gives as many tokens for the whole WikiText-2 test file`, async (t) => {
    const file = needsShared(t, 'data', 'tokenizers', 'fixtures.json');
    const directory = needsShared(t, 'data', 'tokenizers', name);
    const text = needsShared(t, 'data', `${WHOLE_FILE}.gz`);
    if (file === null || directory === null || text === null) return;
    const { whole_file_token_counts: counts } = JSON.parse(readFileSync(file, 'utf8')) as Reference;
    const tokenizer = await loadTokenizer(directory);
    t.is(tokenizer.encode(gunzipSync(readFileSync(text)).toString('utf8')).length, counts[WHOLE_FILE]![name]!);
  });
}

test('the special ids of GPT-2, GPT-NeoX and Mistral are found without any other file', async (t) => {
  const tokenizers = needsShared(t, 'data', 'tokenizers');
  if (tokenizers === null) return;
  const ids = async (name: string) => {
    const { bosTokenId, eosTokenId, vocabularySize } = await loadTokenizer(`${tokenizers}/${name}`);
    return [bosTokenId, eosTokenId, vocabularySize];
  };
  t.deepEqual(await ids('gpt2'), [50256, 50256, 50257]);
  t.deepEqual(await ids('gpt-neox-20b'), [0, 0, 50277]);
  t.deepEqual(await ids('mistral-v1'), [1, 2, 32000]);
});
