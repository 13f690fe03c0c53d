import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { mainFile, swatEval } from './spawn.js';

const MODEL = ['--model', 'swat:tiny,seed=1', '--backend', 'wasm'];
const SMALL = [...MODEL, '--fixtures', '--task', 'winogrande,lambada_openai', '--limit', '2'];

const temporary = () => mkdtemp(path.join(os.tmpdir(), 'swat-eval-run-'));

async function runIn(output: string, argv: readonly string[] = SMALL) {
  const outcome = await swatEval(['run', ...argv, '--output', output]);
  return { ...outcome, directory: outcome.stderr.trim().split('\n').at(-1)! };
}

test('run prints the table on stdout and the run directory last on stderr', async (t) => {
  const output = await temporary();
  const { code, stdout, directory } = await runIn(output);
  t.is(code, 0);
  t.regex(stdout, /^model +task +ver/);
  t.regex(stdout, /swat-tiny +winogrande .* acc /);
  t.is(path.dirname(directory), path.join(output, 'swat__tiny,seed=1'));
  const files = await readdir(directory);
  for (const file of ['run.json', 'requests.jsonl', 'results.json', 'results.csv', 'samples_winogrande.jsonl'])
    t.true(files.includes(file), file);
});

test('samples hold texts only if they are asked for', async (t) => {
  const sample = async (...flags: string[]) => {
    const { directory } = await runIn(await temporary(), [...SMALL, ...flags]);
    const rows = await readFile(path.join(directory, 'samples_winogrande.jsonl'), 'utf8').catch(() => null);
    return rows === null ? null : Object.keys(JSON.parse(rows.split('\n')[0]!) as object);
  };
  t.false((await sample())!.includes('doc'));
  t.true((await sample('--log-samples'))!.includes('doc'));
  t.is(await sample('--log-samples', 'none'), null);
});

test('--quiet leaves stderr empty, --format csv makes stdout CSV', async (t) => {
  const { code, stdout, stderr } = await runIn(await temporary(), [...SMALL, '--quiet', '--format', 'csv']);
  t.is(code, 0);
  t.is(stderr, '');
  t.regex(stdout, /^run_id,model,/);
});

test('--plot draws beside the results', async (t) => {
  const { directory } = await runIn(await temporary(), [...SMALL, '--plot']);
  t.deepEqual((await readdir(path.join(directory, 'plots'))).sort(), ['accuracy.png', 'accuracy.svg']);
});

test('a run that is complete is resumed to the same table', async (t) => {
  const output = await temporary();
  const first = await runIn(output);
  const again = await swatEval(['run', '--resume', '--output', output]);
  t.is(again.code, 0);
  t.is(again.stdout, first.stdout);
  t.is((await swatEval(['run', '--resume', first.directory])).stdout, first.stdout);
});

test('a resumed run takes no other engine', async (t) => {
  const output = await temporary();
  await runIn(output);
  const { code, stderr } = await swatEval(['run', '--resume', '--backend', 'cpu', '--output', output]);
  t.is(code, 3);
  t.regex(stderr, /started with backend "wasm", and cannot go on with "cpu"/);
});

/** Enough batches to be stopped in the middle of. */
const LONGER = [...MODEL, '--fixtures', '--task', 'piqa,hellaswag,boolq', '--batch-size', '1'];

/** Runs LONGER and sends the signal once some of it is done. */
async function stopRun(output: string, signal: NodeJS.Signals): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [mainFile, 'run', ...LONGER, '--output', output], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (text.includes('%') && !child.killed) child.kill(signal); // a second one would kill at once
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
}

/** results.json without what a clock says. */
async function timelessResults(directory: string): Promise<string> {
  const text = await readFile(path.join(directory, 'results.json'), 'utf8');
  return text.replaceAll(/"(\w*seconds|date|runId)": [^\n]*/g, '');
}

test('a run killed with SIGKILL and resumed has the results of an uninterrupted one', async (t) => {
  const output = await temporary();
  const { code } = await stopRun(output, 'SIGKILL');
  t.is(code, null);
  const whole = await runIn(await temporary(), LONGER);
  const resumed = await runIn(output, ['--resume']);
  t.is(resumed.stdout, whole.stdout);
  t.is(await timelessResults(resumed.directory), await timelessResults(whole.directory));
});

for (const [signal, expected] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  test(`${signal} ends with ${expected} and prints the command that goes on`, async (t) => {
    const output = await temporary();
    const { code, stderr } = await stopRun(output, signal);
    t.is(code, expected);
    const [, command] = /try: swat-eval (run --resume .*)/.exec(stderr)!;
    const resumed = await swatEval(command!.split(' '));
    t.is(resumed.code, 0, resumed.stderr);
    t.is(resumed.stdout, (await runIn(await temporary(), LONGER)).stdout);
  });

test('documents that the model cannot be asked are named, and end the run with 5', async (t) => {
  const { code, stdout, stderr } = await runIn(await temporary(), [...SMALL, '--max-length', '14']);
  t.is(code, 5);
  t.regex(stdout, /lambada_openai/);
  t.regex(stderr, /winogrande document \d, request \d has no score: its continuation of \d+ tokens is longer/);
});

const mistakes: [what: string, argv: string[], code: number, sentence: RegExp][] = [
  ['no model', ['--task', 'piqa'], 2, /no model is named/],
  ['a model twice', [...SMALL, '--model', 'swat:tiny,seed=1'], 2, /given twice/],
  ['an unknown task', [...MODEL, '--task', 'piqqa'], 2, /did you mean "piqa"/],
  ['an unknown model', ['--model', 'swat:tinny', '--backend', 'cpu', '--task', 'piqa'], 2, /tinny/],
  ['an unknown flag', [...SMALL, '--dtipe', 'f32'], 2, /did you mean --dtype/],
  ['a confidence of 95', [...SMALL, '--ci', '95'], 2, /between 0 and 1/],
  ['data that is not there', [...MODEL, '--task', 'piqa', '--data-dir', '/nowhere'], 3, /piqa/],
  ['f16', [...SMALL, '--dtype', 'f16'], 6, /f16/],
];

for (const [what, argv, code, sentence] of mistakes)
  test(`${what} is an error before anything is written`, async (t) => {
    const output = path.join(await temporary(), 'results');
    const outcome = await runIn(output, argv);
    t.is(outcome.code, code, outcome.stderr);
    t.regex(outcome.stderr, sentence);
    t.is(outcome.stdout, '');
    await t.throwsAsync(readdir(output), { code: 'ENOENT' });
  });

test('an output directory that cannot be written is an error', async (t) => {
  const file = path.join(await temporary(), 'file');
  await writeFile(file, '');
  const { code, stderr } = await runIn(file);
  t.is(code, 2);
  t.regex(stderr, /--output .*file cannot be written/);
});
