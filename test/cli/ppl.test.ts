import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { readPplRecord } from '../../src/perplexity/ppl-record.js';
import { swatEval } from './spawn.js';

const MODEL = ['--model', 'swat:tiny,seed=1', '--backend', 'wasm'];
const TEXT = Array.from({ length: 60 }, (_, k) => `The ${k}th lantern hangs over the ${(k * k) % 97}th gate.`).join(
  ' ',
);

const temporary = () => mkdtemp(path.join(os.tmpdir(), 'swat-eval-ppl-'));

async function pplIn(output: string, argv: readonly string[]) {
  const outcome = await swatEval(['ppl', ...argv, '--output', output]);
  return { ...outcome, directory: outcome.stderr.split('\n').find((line) => line.startsWith(output))! };
}

test.serial('ppl prints a row a length and window, and the directory last', async (t) => {
  const output = await temporary();
  const file = path.join(output, 'own.txt');
  await writeFile(file, TEXT);
  const { code, stdout, stderr, directory } = await pplIn(output, [
    ...[...MODEL, '--text', file, '--tokens', '512'],
    ...['--lengths', '32,64-256*4', '-w', '16,full'],
  ]);
  t.is(code, 0, stderr);
  for (const row of ['16 +32', '16 +256', 'full +64'])
    t.regex(stdout, new RegExp(`swat-tiny +${row} .* 5\\.\\d{4} `), row);
  t.regex(stdout, /own\.txt: 1 document, 512 tokens \(bytes\), \d+ words, 512 bytes, the same at every length/);
  t.deepEqual((await readdir(directory)).sort(), ['ppl-by-position.csv', 'ppl.csv', 'run.json']);
  t.is((await swatEval(['table', directory])).stdout, stdout);
  const csv = await readFile(path.join(directory, 'ppl.csv'), 'utf8');
  t.is((await swatEval(['table', directory, '--format', 'csv'])).stdout, csv);
});

test.serial('documents of JSON lines are read from .gz, and --by-position prints buckets', async (t) => {
  const output = await temporary();
  const file = path.join(output, 'own.jsonl.gz');
  await writeFile(file, gzipSync([TEXT, 'Short.'].map((text) => `${JSON.stringify({ text })}\n`).join('')));
  const argv = [...MODEL, '--text', file, '-l', '64', '--tokens', '300', '--by-position', '-q'];
  const { code, stdout, stderr } = await pplIn(output, argv);
  t.is(code, 0, stderr);
  t.is(stderr, '');
  t.regex(stdout, /swat-tiny +64 +64 +33–64 +\d+ /);
});

test.serial('a rolling task is a text, labelled when it is fixtures', async (t) => {
  const argv = [...MODEL, '--text', 'wikitext', '--fixtures', '-l', '64', '--tokens', '200'];
  const { code, stdout, stderr } = await pplIn(await temporary(), argv);
  t.is(code, 0, stderr);
  t.regex(stdout, /wikitext: scored on this project's own sentences/);
});

test.serial('the held-out text of a generator is a text', async (t) => {
  const argv = [...MODEL, '--text', 'generator:mini', '-l', '64', '--tokens', '200'];
  const { code, stdout, stderr } = await pplIn(await temporary(), argv);
  t.is(code, 0, stderr);
  t.regex(stdout, /mini: \d+ documents?, 200 tokens/);
});

test.serial('a length that does not fit is OOM, the others are measured, and the end is 5', async (t) => {
  const output = await temporary();
  const file = path.join(output, 'own.txt');
  await writeFile(file, 'x'.repeat(60_000));
  const argv = [
    '--model',
    'transformer:tiny,layers=1,hidden=16,heads=8,intermediate_size=16',
    '--backend',
    'wasm',
    '--text',
    file,
  ];
  const { code, stdout, stderr, directory } = await pplIn(output, [...argv, '-l', '256,60000', '-w', '8,full']);
  t.is(code, 5, stderr);
  t.regex(stdout, / 8 +60000 +30001 +\d/);
  t.regex(stdout, / full +256 +\d+ +\d/);
  t.regex(stdout, / full +60000 +– +OOM /);
  t.regex(stderr, /1 of 4 cells have no figure: 1 out of memory/);
  t.regex(await readFile(path.join(directory, 'ppl.csv'), 'utf8'), /,OOM,"needs about \d+ MiB/);
});

test.serial('--resume without a run goes on with the newest one of ppl in the output directory', async (t) => {
  const output = await temporary();
  const file = path.join(output, 'own.txt');
  await writeFile(file, TEXT);
  const argv = [...MODEL, '--text', file, '--tokens', '128'];
  await pplIn(output, [...argv, '-l', '16']);
  const { directory } = await pplIn(output, [...argv, '-l', '32,64']);
  const whole = readPplRecord(directory);
  const cut = { ...whole, status: 'interrupted', results: whole.results.slice(0, 1) };
  await writeFile(path.join(directory, 'run.json'), JSON.stringify(cut));
  const resumed = await pplIn(output, ['--resume']);
  t.is(resumed.code, 0, resumed.stderr);
  t.is(resumed.directory, directory);
  const { status, results } = readPplRecord(directory);
  t.is(status, 'complete');
  t.deepEqual(results[0], whole.results[0]);
  t.deepEqual(
    results.map(({ cell }) => cell.length),
    [32, 64],
  );
});

const here = ['--text', 'package.json'];
const mistakes: [what: string, argv: string[], code: number, sentence: RegExp][] = [
  ['no model', here, 2, /no model is named/],
  ['no text', MODEL, 2, /no text is named/],
  ['a model twice', [...MODEL, ...here, '--model', 'swat:tiny,seed=1'], 2, /given twice/],
  ['a file that is not there', [...MODEL, '--text', './nowhere.txt'], 3, /there is no file \.\/nowhere\.txt/],
  ['a name that is nothing', [...MODEL, '--text', 'wikitxt'], 2, /unknown task "wikitxt"; did you mean "wikitext"/],
  ['a task that is no text', [...MODEL, '--text', 'piqa'], 2, /only a rolling task is/],
  ['a generator that is none', [...MODEL, '--text', 'generator:nobody'], 2, /unknown generator "nobody"/],
  ['a length of 0', [...MODEL, ...here, '-l', '0'], 2, /--lengths needs a whole number from 1 on/],
  ['f16 on wasm', [...MODEL, ...here, '--dtype', 'f16'], 6, /wasm does not compute in f16/],
  ['a run that is not there', ['--resume', '/nowhere'], 3, /holds no perplexities/],
  ['no run to go on with', ['--resume'], 3, /holds no run that could be resumed/],
];

for (const [what, argv, code, sentence] of mistakes)
  test.serial(`${what} is an error of one sentence before anything is written`, async (t) => {
    const output = path.join(await temporary(), 'results');
    const outcome = await swatEval(['ppl', '--output', output, ...argv]);
    t.is(outcome.code, code, outcome.stderr);
    t.regex(outcome.stderr, sentence);
    t.true(outcome.stderr.trim().split('\n').length <= 2, 'a sentence and a hint');
    t.is(outcome.stdout, '');
    await t.throwsAsync(readdir(output), { code: 'ENOENT' });
  });
