import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { readBuildInfo } from '../../src/package-root.js';
import { mainFile, swatEval } from './spawn.js';

test('--help goes to stdout and names the commands and exit codes', async (t) => {
  const { code, stdout, stderr } = await swatEval(['--help']);
  t.is(code, 0);
  t.is(stderr, '');
  t.regex(stdout, /^Usage: swat-eval/);
  for (const command of ['table', 'plot', 'data', 'ls', 'env']) t.regex(stdout, new RegExp(`^ {2}${command}\\b`, 'm'));
  t.regex(stdout, /Exit codes: 0 ok/);
});

test('no arguments ask for help', async (t) => {
  t.deepEqual(await swatEval([]), await swatEval(['--help']));
});

test('--version says which version and revision was built', async (t) => {
  const { code, stdout } = await swatEval(['--version']);
  const { version, revision } = readBuildInfo();
  t.is(code, 0);
  t.true(stdout.startsWith(`swat-eval ${version} (${revision.slice(0, 12)}`), stdout);
});

test('an unknown command is a usage error that suggests a near one', async (t) => {
  const { code, stdout, stderr } = await swatEval(['lss']);
  t.is(code, 2);
  t.is(stdout, '');
  t.is(stderr, "error: unknown command 'lss' (did you mean ls?)\n  try: swat-eval --help\n");
});

test('an unknown flag is a usage error that suggests a near one', async (t) => {
  const { code, stdout, stderr } = await swatEval(['ls', 'tasks', '--jsn']);
  t.is(code, 2);
  t.is(stdout, '');
  t.is(stderr, "error: unknown option '--jsn' (did you mean --json?)\n  try: swat-eval ls --help\n");
});

test('the flags of a nested command are suggested too', async (t) => {
  const { code, stderr } = await swatEval(['data', 'pull', 'piqa', '--offlin']);
  t.is(code, 2);
  t.regex(stderr, /^error: unknown option '--offlin' \(did you mean --offline\?\)\n/);
});

test('a command without its subcommand is a usage error that shows the help', async (t) => {
  const { code, stdout, stderr } = await swatEval(['data']);
  t.is(code, 2);
  t.is(stdout, '');
  t.regex(stderr, /^Usage: swat-eval data .*\bpath \[options\]/s);
});

test('an unknown subcommand suggests a near one and where to read on', async (t) => {
  const { code, stderr } = await swatEval(['data', 'pul', 'piqa']);
  t.is(code, 2);
  t.is(stderr, "error: unknown command 'pul' (did you mean pull?)\n  try: swat-eval data --help\n");
});

test('a list that does not exist is a usage error that names those that do', async (t) => {
  const { code, stderr } = await swatEval(['ls', 'planets']);
  t.is(code, 2);
  t.regex(stderr, /Allowed choices are tasks, baselines, checkpoints, backends\./);
});

test('a mistyped choice gets the near one', async (t) => {
  t.regex((await swatEval(['ls', 'taks'])).stderr, /Allowed choices are .*backends \(did you mean tasks\?\)\n/);
});

test("a usage error of a nested command points to that command's help", async (t) => {
  t.regex((await swatEval(['data', 'pull'])).stderr, /\n {2}try: swat-eval data pull --help\n$/);
});

test('a missing argument is a usage error', async (t) => {
  const { code, stderr } = await swatEval(['ls']);
  t.is(code, 2);
  t.regex(stderr, /^error: missing required argument 'what'/);
});

test('a reader that closes the pipe early is no error', async (t) => {
  const shell = `set -o pipefail; "${process.execPath}" "${mainFile}" ls tasks | head -n 1`;
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', shell]);
  t.regex(stdout, /^task /);
  t.is(stderr, '');
});

test('a reader that is gone before the first byte is no error', async (t) => {
  const shell = `exec 3> >(true); wait $!; "${process.execPath}" "${mainFile}" --help >&3`;
  const { stderr } = await promisify(execFile)('bash', ['-c', shell]);
  t.is(stderr, '');
});
