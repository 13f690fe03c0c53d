import test from 'ava';
import { chooseFiles } from '../../src/data/hub-files.js';
import { UserError } from '../../src/user-error.js';
import { tinyTask } from './tiny-task.js';

function choose(paths: string[], split: string, config?: string): string[] {
  const files = paths.map((path) => ({
    repository: 'someone/tiny',
    revision: 'main',
    path,
    size: 1,
    digest: { kind: 'sha256' as const, hex: '0'.repeat(64) },
  }));
  const { dataset } = tinyTask({ split, ...(config === undefined ? {} : { config }) });
  return chooseFiles(files, dataset).map((file) => file.path);
}

test("in the hub's parquet copy, configuration and split are folders", (t) => {
  const paths = [
    'hard/test/0000.parquet',
    'easy/test/0001.parquet',
    'easy/test/0000.parquet',
    'easy/train/0000.parquet',
  ];
  t.deepEqual(choose(paths, 'test', 'easy'), ['easy/test/0000.parquet', 'easy/test/0001.parquet']);
});

test('in a repository, the split is the beginning of a shard name', (t) => {
  const paths = ['README.md', 'boolq/train-00000-of-00001.parquet', 'boolq/validation-00000-of-00001.parquet'];
  t.deepEqual(choose(paths, 'validation', 'boolq'), ['boolq/validation-00000-of-00001.parquet']);
});

test('without a configuration, the default one, the data folder and the root are meant, in this order', (t) => {
  const paths = ['test.jsonl', 'data/test-00000-of-00001.parquet', 'default/test/0000.parquet', 'de/test/0000.parquet'];
  t.deepEqual(choose(paths, 'test'), ['default/test/0000.parquet']);
  t.deepEqual(choose(paths.slice(0, 2), 'test'), ['data/test-00000-of-00001.parquet']);
  t.deepEqual(choose(paths.slice(0, 1), 'test', 'default'), ['test.jsonl']);
});

test('without a configuration, the only one that there is is meant', (t) => {
  t.deepEqual(choose(['plain_text/test/0000.parquet'], 'test'), ['plain_text/test/0000.parquet']);
});

test('several configurations without a default are an error', (t) => {
  const error = t.throws(() => choose(['de/test/0000.parquet', 'fr/test/0000.parquet'], 'test'), {
    instanceOf: UserError,
  });
  t.is(error.message, 'someone/tiny has split test in 2 configurations, none the default');
});

test('a configuration that is named is never replaced by another', (t) => {
  t.deepEqual(choose(['easy/test/0000.parquet', 'test.jsonl'], 'test', 'hard'), []);
});

test('parquet goes before JSONL of the same split', (t) => {
  t.deepEqual(choose(['data/x_test.jsonl', 'data/x_test.parquet'], 'test'), ['data/x_test.parquet']);
});

test('a split is a whole word of the name, at its end or beginning', (t) => {
  const paths = ['data/latest.jsonl', 'data/l_test_de.jsonl', 'data/l_test.jsonl.gz', 'data/test.csv'];
  t.deepEqual(choose(paths, 'test'), ['data/l_test.jsonl.gz']);
});
