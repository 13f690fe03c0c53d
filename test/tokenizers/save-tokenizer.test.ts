import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { byteTokenizer } from '../../src/tokenizers/byte-tokenizer.js';
import { byteTokenizerJson } from '../../src/tokenizers/byte-tokenizer-json.js';
import { loadTokenizer } from '../../src/tokenizers/load-tokenizer.js';
import { tokenizerFiles, writeTokenizerFiles } from '../../src/tokenizers/save-tokenizer.js';
import { tokenizerFromJson } from '../../src/tokenizers/tokenizer-json.js';
import type { Tokenizer } from '../../src/tokenizers/tokenizer.js';
import { needsShared } from '../shared.js';
import { directoryWith, noSettings, sentencePieceModel, tinyBpe } from './tiny-tokenizers.js';

/** A checkpoint's directory with the tokenizer in it, and the ids that config.json says. */
async function saved(t: Parameters<typeof directoryWith>[0], tokenizer: Tokenizer): Promise<Tokenizer> {
  const directory = await directoryWith(t, {});
  await writeTokenizerFiles(directory, await tokenizerFiles(tokenizer));
  const { bosTokenId, eosTokenId } = tokenizer;
  const config = {
    ...(bosTokenId === null ? {} : { bos_token_id: bosTokenId }),
    ...(eosTokenId === null ? {} : { eos_token_id: eosTokenId }),
  };
  await writeFile(path.join(directory, 'config.json'), JSON.stringify(config));
  return loadTokenizer(directory);
}

test('the byte tokenizer comes back as itself', async (t) => t.is(await saved(t, byteTokenizer), byteTokenizer));

test('as a tokenizer.json of the library, the byte tokenizer gives the same ids and texts', (t) => {
  const library = tokenizerFromJson(byteTokenizerJson, noSettings, 'tokenizer.json');
  for (const text of ['Two  words,\n\ttabs.', 'ß 🙂 \u0080\u00ad', ' leading', "it's 1,234"]) {
    t.deepEqual(library.encode(text), byteTokenizer.encode(text));
    t.is(library.decode(byteTokenizer.encode(text)), text);
  }
  t.is(library.vocabularySize, byteTokenizer.vocabularySize);
  t.is(library.eosTokenId, byteTokenizer.eosTokenId);
});

test('tokenizers of every form come back as they were', async (t) => {
  const settings = { tokenizer_class: 'LlamaTokenizer', add_bos_token: true, bos_token: '<s>' };
  const directories = [
    await directoryWith(t, { 'tokenizer.json': tinyBpe }),
    await directoryWith(t, { 'tokenizer.json': tinyBpe, 'config.json': { bos_token_id: 3 } }),
    await directoryWith(t, {
      'tokenizer.model': sentencePieceModel({ pieces: [{ text: '▁a' }, { text: 'b' }] }),
      'tokenizer_config.json': settings,
    }),
  ];
  for (const directory of directories) {
    const tokenizer = await loadTokenizer(directory);
    t.is((await saved(t, tokenizer)).fingerprint, tokenizer.fingerprint);
  }
});

for (const name of ['gpt2', 'gpt-neox-20b', 'mistral-v1'])
  test(`${name} comes back as it was`, async (t) => {
    const directory = needsShared(t, 'data', 'tokenizers', name);
    if (directory === null) return;
    const tokenizer = await loadTokenizer(directory);
    t.is((await saved(t, tokenizer)).fingerprint, tokenizer.fingerprint);
  });

test('an unpacked file has the content of the gzipped one', async (t) => {
  const file = needsShared(t, 'data', 'tokenizers', 'gpt-neox-20b', '20B_tokenizer.json.gz');
  if (file === null) return;
  const files = await tokenizerFiles(await loadTokenizer(file));
  t.deepEqual([...files.keys()], ['tokenizer.json']);
  t.true(Buffer.from(files.get('tokenizer.json')!).length > 2 * (await readFile(file)).length);
});
