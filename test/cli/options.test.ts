import test from 'ava';
import { Command } from 'commander';
import type { Option } from 'commander';
import { options } from '../../src/cli/options.js';
import { UserError } from '../../src/user-error.js';

function parse(option: Option, ...argv: string[]): unknown {
  const command = new Command().exitOverride().configureOutput({ outputError: () => {} });
  command.addOption(option).parse(argv, { from: 'user' });
  return command.opts()[option.attributeName()];
}

test('--model repeats, and keeps the commas of its settings', (t) => {
  const models = ['swat:tiny,window=64,seed=1', 'checkpoints/mine'];
  t.deepEqual(parse(options.model, '--model', models[0]!, '-m', models[1]!), models);
});

test('--task repeats and takes lists', (t) => {
  t.deepEqual(parse(options.task, '--task', 'piqa,arc_easy', '-t', 'boolq'), ['piqa', 'arc_easy', 'boolq']);
});

test('--task refuses an empty name', (t) => {
  const error = t.throws(() => parse(options.task, '--task', 'piqa,,boolq'), { instanceOf: UserError });
  t.is(error.exitCode, 2);
});

test('--limit is a count or a fraction', (t) => {
  t.is(parse(options.limit, '--limit', '20'), 20);
  t.is(parse(options.limit, '-L', '0.25'), 0.25);
});

for (const value of ['0', '-1', '1.5', 'many', '', 'NaN', 'Infinity'])
  test(`--limit refuses '${value}'`, (t) => {
    t.throws(() => parse(options.limit, `--limit=${value}`), { instanceOf: UserError, message: /--limit/ });
  });

test('--batch-size is a number of rows, of tokens, or auto', (t) => {
  t.deepEqual(parse(options.batchSize), { kind: 'auto' });
  t.deepEqual(parse(options.batchSize, '-b', 'auto'), { kind: 'auto' });
  t.deepEqual(parse(options.batchSize, '-b', '16'), { kind: 'rows', rows: 16 });
  t.deepEqual(parse(options.batchSize, '-b', 'tokens:16k'), { kind: 'tokens', tokens: 16384 });
});

for (const value of ['0', 'big', 'tokens:', 'tokens:0', '1.5'])
  test(`--batch-size refuses '${value}'`, (t) => {
    t.throws(() => parse(options.batchSize, '-b', value), { instanceOf: UserError, message: /--batch-size/ });
  });

test('--max-length reads k as 1,024', (t) => {
  t.is(parse(options.maxLength, '--max-length', '4k'), 4096);
});

test('--max-length refuses 0', (t) => {
  t.throws(() => parse(options.maxLength, '--max-length', '0'), { instanceOf: UserError, message: /from 1 on/ });
});

test("--seed takes the first of lm-evaluation-harness's four", (t) => {
  t.is(parse(options.seed, '--seed', '7'), 7);
  t.is(parse(options.seed, '--seed', '3,1234,None,1234'), 3);
  t.throws(() => parse(options.seed, '--seed', 'x'), { instanceOf: UserError });
});

test('a backend that does not exist is a usage error that names those that do', (t) => {
  t.throws(() => parse(options.backend, '--backend', 'cuda'), { message: /auto, webgpu, tensorflow, wasm, cpu/ });
});
