// `swat-eval data` as the program runs it, in this process.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { Command } from 'commander';
import { data } from '../../src/cli/commands/data.js';
import { UserError } from '../../src/user-error.js';
import { needsShared } from '../shared.js';
import { startHub } from './hub-server.js';
import { temporaryDirectory } from './temporary-directory.js';

/** What a command prints to stdout; its errors are thrown. */
async function swatEval(...words: string[]): Promise<string[]> {
  const program = new Command().exitOverride();
  program.configureOutput({ writeErr: () => {} });
  data(program);
  for (const command of program.commands.flatMap((group) => [...group.commands]))
    command.exitOverride().configureOutput({ writeErr: () => {} });
  const { log } = console;
  const printed: string[] = [];
  console.log = (line: string) => void printed.push(line);
  try {
    await program.parseAsync(words, { from: 'user' });
  } finally {
    console.log = log;
  }
  return printed;
}

test.beforeEach(() => {
  for (const name of ['SWAT_EVAL_DATA', 'SWAT_EVAL_CACHE', 'HF_ENDPOINT', 'HF_TOKEN']) delete process.env[name];
  for (const name of ['no_proxy', 'NO_PROXY']) process.env[name] = '127.0.0.1';
});

test.serial('path prints the file of each task, or where it belongs', async (t) => {
  const directory = await temporaryDirectory(t);
  const file = path.join(directory, 'piqa', 'validation.jsonl');
  t.deepEqual(await swatEval('data', 'path', 'piqa', '--data-dir', directory), [file]);
  await mkdir(path.dirname(file));
  await writeFile(`${file}.gz`, '');
  t.deepEqual(await swatEval('data', 'path', 'piqa', '--data-dir', directory), [`${file}.gz`]);
});

test.serial('a task whose rows are generated has no file, and is verified without one', async (t) => {
  const error = await t.throwsAsync(swatEval('data', 'path', 'mini_piqa'), { instanceOf: UserError });
  t.is(error.message, 'mini_piqa has no file: tasks/mini, seed 1 writes its rows');
  t.deepEqual(await swatEval('data', 'verify', 'mini_piqa', '--data-dir', 'd'), ['tasks/mini, seed 1']);
});

test.serial('path without a task prints the data directory', async (t) => {
  t.deepEqual(await swatEval('data', 'path', '--data-dir', 'd'), ['d']);
  t.deepEqual(await swatEval('data', 'path', '--cache-dir', 'c'), [path.join('c', 'data')]);
});

test.serial('pull --offline names the missing file and asks nobody', async (t) => {
  const server = await startHub(t, {});
  process.env.HF_ENDPOINT = server.address;
  const run = swatEval('data', 'pull', 'piqa', '--offline', '--cache-dir', await temporaryDirectory(t));
  const error = await t.throwsAsync(run, { instanceOf: UserError });
  t.is(error.kind, 'data');
  t.regex(error.message, /^piqa\/validation\.jsonl is not in /);
  t.is(server.seen.length, 0);
});

test.serial('pull asks the hub at HF_ENDPOINT with the token in HF_TOKEN', async (t) => {
  const server = await startHub(t, {});
  process.env.HF_ENDPOINT = `${server.address}/`;
  process.env.HF_TOKEN = 'hf_of_the_user';
  const run = swatEval('data', 'pull', 'piqa', '--cache-dir', await temporaryDirectory(t));
  const error = await t.throwsAsync(run, { instanceOf: UserError });
  t.regex(error.message, /has no dataset baber\/piqa/);
  t.deepEqual(
    server.seen.map(({ url, authorization }) => [url.split('?')[0], authorization]),
    [
      ['/api/datasets/baber/piqa/tree/refs%2Fconvert%2Fparquet', 'Bearer hf_of_the_user'],
      ['/api/datasets/baber/piqa/tree/main', 'Bearer hf_of_the_user'],
    ],
  );
});

test.serial('an HF_ENDPOINT that is no address is an error of usage', async (t) => {
  process.env.HF_ENDPOINT = 'hub.example';
  const error = await t.throwsAsync(swatEval('data', 'pull', 'piqa'), { instanceOf: UserError });
  t.is(error.kind, 'usage');
});

test.serial('verify reads the file, and says what is wrong with it', async (t) => {
  const directory = await temporaryDirectory(t);
  await mkdir(path.join(directory, 'piqa'));
  await writeFile(path.join(directory, 'piqa', 'validation.jsonl'), '{"goal":"x","sol1":"y","sol2":"z","label":0}\n');
  const error = await t.throwsAsync(swatEval('data', 'verify', 'piqa', '--data-dir', directory), {
    instanceOf: UserError,
  });
  t.regex(error.message, /has 1 rows, expected 1,838$/);
});

test.serial('where every task fails, the command says so and ends with the code of bad data', async (t) => {
  const cache = await temporaryDirectory(t);
  const error = await t.throwsAsync(swatEval('data', 'pull', 'piqa', 'boolq', '--offline', '--cache-dir', cache), {
    instanceOf: UserError,
  });
  t.is(error.kind, 'data');
  t.is(error.message, '2 of 2 tasks failed: piqa, boolq');
});

test.serial(
  'where one of several tasks fails, the others are done and the command ends as partly failed',
  async (t) => {
    const directory = needsShared(t, 'data');
    if (directory === null) return;
    const run = swatEval('data', 'verify', 'hellaswag', 'piqa', '--data-dir', directory);
    const error = await t.throwsAsync(run, { instanceOf: UserError });
    t.is(error.kind, 'partial');
    t.is(error.message, '1 of 2 tasks failed: hellaswag');
  },
);
