import os from 'node:os';
import test from 'ava';
import { readBuildInfo } from '../../src/package-root.js';
import { swatEval } from './spawn.js';

test('env reports build, machine, directories and backends', async (t) => {
  const { code, stdout } = await swatEval(['env'], { SWAT_EVAL_DATA: 'some-data' });
  t.is(code, 0);
  for (const fact of [
    readBuildInfo().revision,
    process.version,
    os.cpus()[0]!.model.trim(),
    'some-data',
    'backend wasm',
  ])
    t.true(stdout.includes(fact), fact);
});

test('env --json is the same as JSON', async (t) => {
  const { code, stdout } = await swatEval(['env', '--json'], { SWAT_EVAL_CACHE: 'some-cache' });
  t.is(code, 0);
  const report = JSON.parse(stdout) as { node: string; cacheDirectory: string; backends: { name: string }[] };
  t.is(report.node, process.version);
  t.regex(report.cacheDirectory, /some-cache$/);
  t.true(report.backends.some(({ name }) => name === 'cpu'));
});
