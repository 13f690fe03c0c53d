import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { taskPath } from '../../src/data/data-file.js';
import { loadTask, verifyTask } from '../../src/data/load-task.js';
import type { StoredRows } from '../../src/data/row-source.js';
import { UserError } from '../../src/user-error.js';
import { temporaryDirectory } from './temporary-directory.js';
import { tinyDigest, tinyJsonl, tinyRows, tinyTask } from './tiny-task.js';

const STRICT = { allowPartial: false };
const LENIENT = { allowPartial: true };

async function directoryWith(t: ExecutionContext, files: Record<string, string | Buffer>): Promise<StoredRows> {
  const directory = await temporaryDirectory(t);
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(directory, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  return { kind: 'directory', path: directory };
}

async function dataError(t: ExecutionContext, work: Promise<unknown>): Promise<UserError> {
  const error = await t.throwsAsync(work, { instanceOf: UserError });
  t.is(error.kind, 'data');
  return error;
}

test('the whole benchmark loads without a label, in the order of its rows', async (t) => {
  const source = await directoryWith(t, { 'tiny/test.jsonl': tinyJsonl });
  const loaded = await loadTask(tinyTask(), source, STRICT);
  t.is(loaded.label, null);
  t.is(loaded.origin, path.join(source.path, 'tiny', 'test.jsonl'));
  t.is(loaded.digest, tinyDigest);
  t.deepEqual(
    loaded.documents.map(({ index, target }) => [index, target]),
    tinyRows.map((row, index) => [index, row.question]),
  );
});

test('a gzipped file is found under the name without .gz', async (t) => {
  const source = await directoryWith(t, { 'tiny/test.jsonl.gz': gzipSync(tinyJsonl) });
  const loaded = await loadTask(tinyTask(), source, STRICT);
  t.is(loaded.digest, tinyDigest);
  t.is(taskPath(tinyTask(), source), path.join(source.path, 'tiny', 'test.jsonl.gz'));
});

test('rows that are too few are an error that names both numbers', async (t) => {
  const source = await directoryWith(t, { 'tiny/test.jsonl': tinyJsonl });
  const error = await dataError(t, loadTask(tinyTask({ rows: 1838 }), source, STRICT));
  t.regex(error.message, /tiny\/test\.jsonl has 3 rows, expected 1,838$/);
  t.is(error.hint, 'swat-eval data pull tiny, or --allow-partial to run on what is there');
});

test('other requests than the benchmark has are an error that names both digests', async (t) => {
  const source = await directoryWith(t, { 'tiny/test.jsonl': tinyJsonl.replace('heron', 'goose') });
  const task = tinyTask();
  const error = await dataError(t, loadTask(task, source, STRICT));
  const { digest } = await loadTask(task, source, LENIENT);
  t.true(error.message.endsWith(`gives requests with digest ${digest}, expected ${tinyDigest}`));
});

test('--allow-partial takes both, labelled', async (t) => {
  const source = await directoryWith(t, { 'tiny/test.jsonl': tinyJsonl });
  t.is((await loadTask(tinyTask({ rows: 1838 }), source, LENIENT)).label, 'partial');
  t.is((await loadTask(tinyTask({ digest: '0'.repeat(64) }), source, LENIENT)).label, 'partial');
  t.is((await loadTask(tinyTask(), source, LENIENT)).label, null);
});

test('a benchmark without a known digest is checked by its number of rows alone', async (t) => {
  const source = await directoryWith(t, { 'tiny/test.jsonl': tinyJsonl.replace('heron', 'goose') });
  t.is((await loadTask(tinyTask({ digest: null }), source, STRICT)).label, null);
  await dataError(t, loadTask(tinyTask({ digest: null, rows: 4 }), source, STRICT));
});

test('a partial file is used only with --allow-partial, and labelled', async (t) => {
  const source = await directoryWith(t, { 'tiny/some.jsonl.gz': gzipSync(tinyJsonl) });
  const task = tinyTask({ partialFile: 'tiny/some.jsonl' });
  const error = await dataError(t, loadTask(task, source, STRICT));
  t.regex(error.message, /^tiny\/test\.jsonl is not in .*; only a part of its rows is, in tiny\/some\.jsonl$/);
  t.regex(error.hint ?? '', /--allow-partial/);
  const loaded = await loadTask(task, source, LENIENT);
  t.is(loaded.label, 'partial');
  t.is(path.basename(loaded.origin), 'some.jsonl.gz');
});

test('the whole file goes before the partial one', async (t) => {
  const source = await directoryWith(t, { 'tiny/test.jsonl': tinyJsonl, 'tiny/some.jsonl': '{"question":"x"}\n' });
  t.is((await loadTask(tinyTask({ partialFile: 'tiny/some.jsonl' }), source, LENIENT)).label, null);
});

test('a missing file is named, with the command that brings it', async (t) => {
  const source = await directoryWith(t, {});
  for (const attempt of [loadTask(tinyTask(), source, LENIENT), verifyTask(tinyTask(), source)]) {
    const error = await dataError(t, attempt);
    t.is(error.message, `tiny/test.jsonl is not in ${source.path}`);
    t.is(error.where, path.join(source.path, 'tiny/test.jsonl'));
    t.regex(error.hint ?? '', /swat-eval data pull tiny/);
  }
});

test('a row that the task does not take is an error with its line, even with --allow-partial', async (t) => {
  const source = await directoryWith(t, { 'tiny/test.jsonl': `${tinyJsonl}{"answer":1}\n` });
  const error = await dataError(t, loadTask(tinyTask(), source, LENIENT));
  t.is(error.where, `${path.join(source.path, 'tiny/test.jsonl')}:4`);
});
