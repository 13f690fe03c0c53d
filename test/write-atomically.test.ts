import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { UserError } from '../src/user-error.js';
import { writeAtomically } from '../src/write-atomically.js';

test('a write that fails leaves what stood there before, and nothing else', async (t) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'swat-eval-write-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = path.join(directory, 'a', 'b.json');
  await writeAtomically(file, 'before');
  const full = new Error('full');
  await t.throwsAsync(
    writeAtomically(file, async (handle) => {
      await handle.write('aft');
      throw full;
    }),
    { is: full },
  );
  t.is(await readFile(file, 'utf8'), 'before');
  t.deepEqual(await readdir(path.dirname(file)), ['b.json']);
});

test('a place below a file is an error that names it', async (t) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'swat-eval-write-'));
  t.teardown(() => rm(directory, { recursive: true }));
  await writeFile(path.join(directory, 'a'), '');
  const file = path.join(directory, 'a', 'b.json');
  const error = await t.throwsAsync(writeAtomically(file, ''), { instanceOf: UserError });
  t.is(error?.message, `cannot write ${file}: a part of its path is not a directory`);
});

test('a file system that refuses new directories is an error, not a wait without end', async (t) => {
  if (!existsSync('/proc/self')) return t.log('skipped: there is no /proc');
  await t.throwsAsync(writeAtomically('/proc/swat-eval/b.json', ''), {
    instanceOf: UserError,
    message: /^cannot write /,
  });
});
