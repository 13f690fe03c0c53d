import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { curveOf, someText, temporaryDirectory, TINY } from '../train/fake-training.js';
import { mainFile, swatEval } from './spawn.js';

/** A directory with a corpus and a recipe. */
function recipeDirectory(t: ExecutionContext, more = ''): string {
  const directory = temporaryDirectory(t);
  writeFileSync(path.join(directory, 'corpus.txt'), someText(200));
  writeFileSync(
    path.join(directory, 'recipe.yaml'),
    `model: { tiny: '${TINY}' }
data: corpus.txt
validation: { data: corpus.txt, lengths: [16, 32], tokens: 64 }
sequence_length: 16
steps: 20
log_every: 1
backend: wasm
${more}`,
  );
  return directory;
}

const flagsIn = (directory: string) => [
  ...['--config', path.join(directory, 'recipe.yaml')],
  ...['--output', path.join(directory, 'results'), '--cache-dir', path.join(directory, 'cache')],
];

test.serial('train prints a table, and its last line on stderr is a directory that run takes as a model', async (t) => {
  const directory = recipeDirectory(t);
  const { code, stdout, stderr } = await swatEval(['train', ...flagsIn(directory), '--set', 'steps=10', '--plot']);
  t.is(code, 0, stderr);
  t.regex(stdout, /^model +params +steps +tokens +loss +ppl at 16 +ppl at 32\ntiny .* 10 +1,280 /);
  t.regex(stderr, /tiny: 1,280 tokens in \d:\d\d, [\d,]+ tokens\/s\n/);
  const final = stderr.trimEnd().split('\n').at(-1)!;
  const run = path.dirname(final);
  for (const file of ['train.csv', 'validation.csv', 'plots/loss.svg', 'plots/loss.png'])
    t.true(existsSync(path.join(run, file)), file);
  const scored = await swatEval([
    ...['run', '--model', final, '--fixtures', '--task', 'piqa', '--backend', 'wasm', '--limit', '2', '-q'],
    ...['--output', path.join(directory, 'results')],
  ]);
  t.is(scored.code, 0, scored.stderr);
  const table = await swatEval(['table', run]);
  t.is(table.stdout, stdout);
});

test.serial('Ctrl-C writes a checkpoint and the command that goes on, which ends with the whole curve', async (t) => {
  const directory = recipeDirectory(t, 'checkpoint_every: 1000\n');
  const argv = [mainFile, 'train', ...flagsIn(directory), '--set', 'steps=400'];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (text.includes('%')) child.kill('SIGINT');
  });
  const [code] = (await once(child, 'close')) as [number];
  t.is(code, 130, stderr);
  t.regex(stderr, /interrupted; a checkpoint of the last step is kept/);
  const [, command] = /try: swat-eval (train --resume .*)/.exec(stderr)!;
  const run = command!.split(' ').at(-1)!;
  const before = curveOf(run);
  t.true(before.length > 0 && before.length < 400);
  const resumed = await swatEval([...command!.split(' '), '--cache-dir', path.join(directory, 'cache')]);
  t.is(resumed.code, 0, resumed.stderr);
  const after = curveOf(run);
  t.is(after.length, 400);
  t.deepEqual(after.slice(0, before.length), before);
});

const mistakes: [what: string, argv: string[], code: number, sentence: RegExp][] = [
  ['no recipe', [], 2, /no recipe is named/],
  ['a recipe that is not there', ['--config', 'nowhere.yaml'], 3, /nowhere\.yaml: it does not exist/],
  [
    'a set key that is wrong',
    ['--set', 'sequnce_length=3'],
    2,
    /unknown key sequnce_length\n.*did you mean sequence_length/,
  ],
  ['f16 on wasm', ['--set', 'dtype=f16'], 6, /wasm does not compute in f16/],
  ['an option that is none', ['--confg', 'a'], 2, /did you mean --config/],
];

for (const [what, argv, code, sentence] of mistakes)
  test.serial(`${what} is an error of one sentence before anything is written`, async (t) => {
    const directory = recipeDirectory(t);
    const given = what.startsWith('no ') || argv.includes('--config') ? [] : flagsIn(directory);
    const outcome = await swatEval(['train', ...given, ...argv]);
    t.is(outcome.code, code, outcome.stderr);
    t.regex(outcome.stderr, sentence);
    t.is(outcome.stdout, '');
    t.false(existsSync(path.join(directory, 'results')));
  });

test('the recipe in the help text is one', async (t) => {
  const { stdout } = await swatEval(['train', '--help']);
  const recipe = /A recipe:\n([\s\S]*)/.exec(stdout)![1]!.replaceAll(/^ {2}/gm, '');
  const { parseTrainConfig } = await import('../../src/train/read-config.js');
  t.is(parseTrainConfig(recipe, 'help').sequence_length, 256);
});
