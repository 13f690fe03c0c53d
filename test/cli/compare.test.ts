import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { swatEval } from './spawn.js';

test('runs of a tree are compared with the first, in every format; one run is a usage error', async (t) => {
  const output = await mkdtemp(path.join(os.tmpdir(), 'swat-eval-compare-'));
  const models = ['--model', 'swat:tiny,seed=1', '--model', 'swat:tiny,seed=2,window=32'];
  const flags = ['--fixtures', '--task', 'winogrande,lambada_openai', '--backend', 'wasm', '--quiet'];
  const run = await swatEval(['run', ...models, ...flags, '--output', output]);
  t.is(run.code, 0, run.stderr);

  const { code, stdout } = await swatEval(['compare', output]);
  t.is(code, 0);
  t.regex(stdout, /swat-tiny +swat-tiny,window=32 +lambada_openai¹ +perplexity +↓ +12/);
  t.regex((await swatEval(['compare', output, '--format', 'csv'])).stdout, /^first,second,task,metric/);

  const alone = await swatEval(['compare', path.join(output, 'swat__tiny,seed=1')]);
  t.is(alone.code, 2);
  t.true(alone.stderr.includes('a comparison needs two runs'));

  t.regex((await swatEval(['table', output, '--layout', 'paper'])).stdout, /In no column is a run shown to be better/);
});
