import test from 'ava';
import { describeError } from '../../src/cli/describe-error.js';
import { UserError } from '../../src/user-error.js';

const quiet = { verbose: false, command: 'run', signal: null };

test('a user error is its sentence, place and hint, with the exit code of its kind', (t) => {
  const error = new UserError('data', 'row 7 is no JSON', {
    where: 'piqa/validation.jsonl',
    hint: 'download it again',
  });
  t.deepEqual(describeError(error, quiet), {
    text: 'error: row 7 is no JSON (piqa/validation.jsonl)\n  try: download it again',
    exitCode: 3,
  });
});

test('an unexpected error is one line without a stack', (t) => {
  const { text, exitCode } = describeError(new TypeError('x is not a function\nsecond line'), quiet);
  t.is(exitCode, 1);
  t.regex(text, /^error: unexpected: x is not a function\n {2}try: [^\n]*--verbose[^\n]*$/);
});

test('--verbose shows the stack and the cause', (t) => {
  const error = new Error('outer', { cause: new Error('inner') });
  const { text } = describeError(error, { ...quiet, verbose: true });
  t.regex(text, /^error: unexpected: outer\nError: outer\n +at /);
  t.regex(text, /caused by: Error: inner\n +at /);
});

test('an interruption exits with 130 after SIGINT and 143 after SIGTERM', (t) => {
  const error = new UserError('interrupted', 'stopped');
  t.is(describeError(error, { ...quiet, signal: 'SIGINT' }).exitCode, 130);
  t.is(describeError(error, { ...quiet, signal: 'SIGTERM' }).exitCode, 143);
});
