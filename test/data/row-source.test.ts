import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { cacheDirectory, chooseRowSource, chooseStoredRows, dataDirectory } from '../../src/data/row-source.js';

test('--data-dir goes before SWAT_EVAL_DATA, and that before the cache', (t) => {
  const env = { SWAT_EVAL_DATA: '/env', SWAT_EVAL_CACHE: '/cache' };
  t.deepEqual(chooseStoredRows({ dataDir: '/flag' }, env), { kind: 'directory', path: '/flag' });
  t.deepEqual(chooseStoredRows({ cacheDir: '/other' }, env), { kind: 'directory', path: '/env' });
  t.deepEqual(chooseStoredRows({ cacheDir: '/other' }, {}), { kind: 'cache', path: '/other', offline: false });
  t.deepEqual(chooseStoredRows({ offline: true }, { ...env, SWAT_EVAL_DATA: '' }), {
    kind: 'cache',
    path: '/cache',
    offline: true,
  });
});

test('fixtures are taken only where they are asked for', (t) => {
  t.deepEqual(chooseRowSource({ fixtures: true, dataDir: '/flag' }, {}), { kind: 'fixtures' });
  t.is(chooseRowSource({}, {}).kind, 'cache');
});

test('the cache is $SWAT_EVAL_CACHE, else below $XDG_CACHE_HOME, else below ~/.cache', (t) => {
  t.is(cacheDirectory({ SWAT_EVAL_CACHE: '/c', XDG_CACHE_HOME: '/x' }), '/c');
  t.is(cacheDirectory({ XDG_CACHE_HOME: '/x' }), path.join('/x', 'swat-eval'));
  t.is(cacheDirectory({}), path.join(os.homedir(), '.cache', 'swat-eval'));
});

test('rows lie in the data folder of a cache, and directly in a data directory', (t) => {
  t.is(dataDirectory({ kind: 'cache', path: '/c', offline: true }), path.join('/c', 'data'));
  t.is(dataDirectory({ kind: 'directory', path: '/d' }), '/d');
});
