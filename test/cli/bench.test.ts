import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { readBenchRecord } from '../../src/bench/bench-record.js';
import { mainFile, swatEval } from './spawn.js';

const MODEL = ['--model', 'swat:tiny,seed=1', '--backend', 'wasm'];
const SMALL = [...MODEL, '-p', '16,32', '-g', '2', '-r', '2'];

const temporary = () => mkdtemp(path.join(os.tmpdir(), 'swat-eval-bench-'));

async function benchIn(output: string, argv: readonly string[]) {
  const outcome = await swatEval(['bench', ...argv, '--output', output]);
  const directory = outcome.stderr.split('\n').find((line) => line.startsWith(output) && !line.includes('plots'))!;
  return { ...outcome, directory };
}

test.serial('bench measures prefill, decoding and training, and prints the directory last', async (t) => {
  const output = await temporary();
  const { code, stdout, stderr, directory } = await benchIn(output, [...SMALL, '-d', '0,40', '--train', '--plot']);
  t.is(code, 0, stderr);
  for (const name of ['pp16', 'pp32', 'tg2', 'pp32 @ d40', 'tg2 @ d40', 'train32'])
    t.regex(stdout, new RegExp(` ${name} +[\\d.]+ `), name);
  t.regex(stdout, /copy [\d.]+ GB\/s, measured in the same run/);
  t.is(path.dirname(directory), path.join(output, 'swat__tiny,seed=1'));
  t.deepEqual((await readdir(directory)).sort(), ['bench.csv', 'plots', 'run.json']);
  t.true((await readdir(path.join(directory, 'plots'))).includes('decode-latency.svg'));
  const { results, status } = readBenchRecord(directory);
  t.is(status, 'complete');
  for (const result of results) {
    if (result.status !== 'ok') return t.fail(result.error);
    t.is(result.nanoseconds.length, 2);
    t.true(result.peakBytes > 493_056, 'the weights are counted');
    t.true(result.heldBytes >= result.peakBytes);
    t.is(result.kernels, 'composite');
    t.true(result.compositeOps.includes(result.cell.kind === 'decode' ? 'AttentionStep' : 'WindowedAttention'));
  }
  const table = await swatEval(['table', directory]);
  t.is(table.stdout, stdout);
  t.is((await swatEval(['plot', directory])).code, 0);
});

test.serial('a window is set for a model that has one, and said to be none for one that has not', async (t) => {
  const output = await temporary();
  const argv = [
    ...MODEL,
    '--model',
    'retnet:tiny',
    '-w',
    '8,full',
    '-g',
    '0',
    '-p',
    '16',
    '-r',
    '1',
    '--format',
    'csv',
  ];
  const { code, stdout, stderr } = await benchIn(output, argv);
  t.is(code, 0, stderr);
  t.is(stdout.trimEnd().split('\n').length, 1 + 2 + 1);
  t.regex(stderr, /retnet-tiny has no attention window to set/);
});

test.serial('a cell that does not fit is OOM, the others are measured, and the end is 5', async (t) => {
  const { code, stdout, stderr, directory } = await benchIn(await temporary(), [
    ...MODEL,
    ...['-p', '1k', '-g', '2', '-b', '1,8k', '-r', '1'],
  ]);
  t.is(code, 5);
  t.regex(stdout, / pp1024 +OOM /);
  t.regex(stdout, / pp1024 +\d/);
  t.regex(stderr, /1 of 4 cells have no figure: 1 out of memory/);
  t.regex(await readFile(path.join(directory, 'bench.csv'), 'utf8'), /,OOM,"needs about \d+ MiB/);
});

test.serial("llama-bench's spellings are understood", async (t) => {
  const { code, stdout, stderr } = await benchIn(await temporary(), [
    ...MODEL,
    ...['-p', '0', '-n', '0', '-pg', '16,2', '-r', '1', '-q'],
  ]);
  t.is(code, 0, stderr);
  t.is(stderr, '');
  t.regex(stdout, /pp16\+tg2/);
});

test.serial('Ctrl-C keeps what is measured, and --resume measures the rest', async (t) => {
  const output = await temporary();
  const argv = [mainFile, 'bench', ...MODEL, '-p', '16,32,64,1k', '-g', '0', '-r', '30', '--output', output];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (text.includes('%')) child.kill('SIGINT');
  });
  const [code] = (await once(child, 'close')) as [number];
  t.is(code, 130, stderr);
  const [, command] = /try: swat-eval (bench --resume .*)/.exec(stderr)!;
  const directory = command!.split(' ').at(-1)!;
  const before = readBenchRecord(directory);
  t.is(before.status, 'interrupted');
  const resumed = await swatEval(command!.split(' '));
  t.is(resumed.code, 0, resumed.stderr);
  const after = readBenchRecord(directory);
  t.is(after.status, 'complete');
  t.deepEqual(
    after.results.map(({ cell }) => cell.prompt),
    [16, 32, 64, 1024],
  );
  t.deepEqual(after.results.slice(0, before.results.length), before.results);
});

test.serial('--resume without a run goes on with the newest benchmark of the output directory', async (t) => {
  const output = await temporary();
  await benchIn(output, [...MODEL, '-p', '16', '-g', '0', '-r', '1']);
  const { directory } = await benchIn(output, [...MODEL, '-p', '32,64', '-g', '0', '-r', '1']);
  const whole = readBenchRecord(directory);
  const cut = { ...whole, status: 'interrupted', results: whole.results.slice(0, 1) };
  await writeFile(path.join(directory, 'run.json'), JSON.stringify(cut));
  const resumed = await benchIn(output, ['--resume']);
  t.is(resumed.code, 0, resumed.stderr);
  t.is(resumed.directory, directory);
  const { status, results } = readBenchRecord(directory);
  t.is(status, 'complete');
  t.deepEqual(results[0], whole.results[0]);
  t.deepEqual(
    results.map(({ cell }) => cell.prompt),
    [32, 64],
  );
});

const mistakes: [what: string, argv: string[], code: number, sentence: RegExp][] = [
  ['no model', ['-p', '16'], 2, /no model is named/],
  ['a model twice', [...SMALL, '--model', 'swat:tiny,seed=1'], 2, /given twice/],
  ['an unknown model', ['--model', 'swat:tinny'], 2, /tinny/],
  ['a length that is no number', [...MODEL, '-p', 'long'], 2, /--n-prompt needs a whole number .* not 'long'/],
  ['a range that runs backwards', [...MODEL, '-p', '4k-512*2'], 2, /runs backwards/],
  ['nothing to measure', [...MODEL, '-p', '0', '-g', '0'], 2, /nothing to measure/],
  ['training of no length', [...MODEL, '-p', '0', '--train'], 2, /--train has no lengths/],
  ['no repetition', [...MODEL, '-r', '0'], 2, /--repetitions needs a whole number from 1 on/],
  ['a window of 0', [...MODEL, '-w', '0'], 2, /--window needs a whole number from 1 on/],
  ["llama-bench's -o", [...MODEL, '-o', 'csv'], 2, /-o is the directory/],
  ['a backend that is none', [...MODEL, '--backend', 'cuda'], 2, /cuda/],
  ['f16 on wasm', [...SMALL, '--dtype', 'f16'], 6, /wasm does not compute in f16/],
  ['a benchmark that is not there', ['--resume', '/nowhere'], 3, /holds no benchmark/],
  ['no benchmark to go on with', ['--resume'], 3, /holds no run that could be resumed/],
];

for (const [what, argv, code, sentence] of mistakes)
  test.serial(`${what} is an error of one sentence before anything is written`, async (t) => {
    const output = path.join(await temporary(), 'results');
    const outcome = await swatEval(['bench', '--output', output, ...argv]);
    t.is(outcome.code, code, outcome.stderr);
    t.regex(outcome.stderr, sentence);
    t.true(outcome.stderr.trim().split('\n').length <= 2, 'a sentence and a hint');
    t.is(outcome.stdout, '');
    await t.throwsAsync(readdir(output), { code: 'ENOENT' });
  });
