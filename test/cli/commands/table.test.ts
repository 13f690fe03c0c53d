import test, { type ExecutionContext } from 'ava';
import { Command } from 'commander';
import { table } from '../../../src/cli/commands/table.js';
import { UserError } from '../../../src/user-error.js';

async function usageError(t: ExecutionContext, ...given: string[]): Promise<UserError> {
  const program = new Command();
  table(program);
  const error = await t.throwsAsync(() => program.parseAsync(['table', ...given], { from: 'user' }), {
    instanceOf: UserError,
  });
  return error;
}

test('published rows need the layout of the paper', async (t) => {
  const error = await usageError(t, 'results', '--published', 'swat-340m');
  t.is(error.kind, 'usage');
  t.is(error.hint, '--layout paper');
});

test('a table of nothing is a usage error', async (t) => {
  t.is((await usageError(t)).kind, 'usage');
});

test('a path that is no run is a data error', async (t) => {
  t.is((await usageError(t, 'no-such-directory')).kind, 'data');
});
