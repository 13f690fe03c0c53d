import test from 'ava';
import { Command } from 'commander';
import { normalizeArguments } from '../../src/cli/normalize-arguments.js';
import { options } from '../../src/cli/options.js';
import { UserError } from '../../src/user-error.js';

const program = new Command();
program
  .command('run')
  .addOption(options.model)
  .addOption(options.task)
  .addOption(options.batchSize)
  .addOption(options.output);

program.command('data').command('pull').addOption(options.cacheDir);

const normalized = (...argv: string[]) => normalizeArguments(argv, program);

test("lm-evaluation-harness's spellings become this program's", (t) => {
  const theirs = ['run', '--batch_size', '8', '--tasks=piqa', '--output_path', 'out', '-M', 'x'];
  const ours = ['run', '--batch-size', '8', '--task=piqa', '--output', 'out', '--model', 'x'];
  t.deepEqual(normalized(...theirs), ours);
});

test('flags of a nested command are known too', (t) => {
  t.deepEqual(normalized('data', 'pull', '--cache_dir', 'x'), ['data', 'pull', '--cache-dir', 'x']);
});

test('flags without a command are flags of run', (t) => {
  t.deepEqual(normalized('--model', 'x'), ['run', '--model', 'x']);
  t.deepEqual(normalized('-t', 'piqa'), ['run', '-t', 'piqa']);
});

test('asking for help or the version is not a run', (t) => {
  t.deepEqual(normalized('--help'), ['--help']);
  t.deepEqual(normalized('-V'), ['-V']);
  t.deepEqual(normalized(), ['--help']);
});

test('what is not known stays as it was typed', (t) => {
  t.deepEqual(normalized('run', '--no_such', 'a_b', '--', '--batch_size'), [
    'run',
    '--no_such',
    'a_b',
    '--',
    '--batch_size',
  ]);
});

test('--model_args is refused with the way to write it', (t) => {
  const error = t.throws(() => normalized('run', '--model_args', 'pretrained=x'), { instanceOf: UserError });
  t.is(error.exitCode, 2);
  t.regex(error.hint!, /--model PATH/);
});
