import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { loadTokenizer } from '../../src/tokenizers/load-tokenizer.js';
import { swatEval } from './spawn.js';

async function corpusIn(t: ExecutionContext, text = 'the bell rang, the bells ring\n'.repeat(3)) {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'swat-eval-tokenizer-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const corpus = path.join(directory, 'corpus.txt');
  await writeFile(corpus, text);
  return { directory, corpus };
}

const train = (...argv: string[]) => swatEval(['tokenizer', 'train', ...argv]);

test('a directory gets a tokenizer.json and what names its BOS and EOS; stdout is the path', async (t) => {
  const { directory, corpus } = await corpusIn(t);
  const output = path.join(directory, 'out');
  const { code, stdout, stderr } = await train(corpus, '--vocab-size', '270', '--special', '<|x|>', '-o', output);
  t.is(code, 0, stderr);
  t.is(stdout, `${path.join(output, 'tokenizer.json')}\n`);
  t.deepEqual((await readdir(output)).sort(), ['tokenizer.json', 'tokenizer_config.json']);
  const tokenizer = await loadTokenizer(output);
  t.deepEqual([tokenizer.vocabularySize, tokenizer.bosTokenId, tokenizer.eosTokenId], [270, 0, 0]);
  t.is(tokenizer.decode(tokenizer.encode('ringing bells')), 'ringing bells');
});

test('the same text gives the same bytes', async (t) => {
  const { directory, corpus } = await corpusIn(t);
  const files = ['a.json', 'b.json'].map((name) => path.join(directory, name));
  for (const file of files) t.is((await train(corpus, '--vocab-size', '265', '-q', '-o', file)).stderr, '');
  const [a, b] = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  t.is(a, b);
});

test('a text too short for the vocabulary is told, and the tokenizer is written', async (t) => {
  const { directory, corpus } = await corpusIn(t, 'ab ab');
  const { code, stderr } = await train(corpus, '-o', path.join(directory, 'a.json'));
  t.is(code, 0);
  t.regex(stderr, /the vocabulary has 258 ids, not 8192: no pair of tokens occurs twice any more/);
});

test('a corpus that is no text ends with 3 and one sentence, and nothing is written', async (t) => {
  const { directory, corpus } = await corpusIn(t, 'a\0b');
  const { code, stdout, stderr } = await train(corpus, '-o', path.join(directory, 'out'));
  t.is(code, 3);
  t.is(stdout, '');
  t.regex(stderr, /^error: .*corpus\.txt:1 holds a NUL byte\n {2}try: a text file, in UTF-8\n$/);
  t.deepEqual(await readdir(directory), ['corpus.txt']);
});

const usage: [argv: string[], message: RegExp][] = [
  [[], /no text to train on/],
  [['a.txt', '--generator', 'mini'], /give files or --generator, not both/],
  [['a.txt', '--bytes', '1k'], /--bytes goes with --generator/],
  [['--generator', 'mini'], /--generator needs --bytes/],
  [['--generator', 'no-such-text', '--bytes', '1k'], /unknown generator "no-such-text"/],
  [['a.txt', '--vocab-size', '99'], /no room for 256 bytes and 1 special tokens/],
];
for (const [argv, message] of usage)
  test(`tokenizer train ${argv.join(' ')} is a usage error`, async (t) => {
    const { directory } = await corpusIn(t);
    const { code, stderr } = await train(...argv, '-o', path.join(directory, 'out'));
    t.is(code, 2);
    t.regex(stderr, message);
  });
