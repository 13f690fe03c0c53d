import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { loadModel } from '../../src/index.js';
import { floatFromHalf, halfFromFloat } from '../../src/models/checkpoint/half-precision.js';
import { writeCheckpoint } from '../../src/models/checkpoint/write-checkpoint.js';
import { openModel } from '../../src/models/load-language-model.js';
import { findShipped, listShipped, nameForRecords, shippedNames } from '../../src/models/shipped-checkpoints.js';
import { byteLevelBpe } from '../tokenizers/tiny-tokenizers.js';
import { UserError } from '../../src/user-error.js';

/** A directory as baselines/checkpoints: `swat-mini` in f16, with a tokenizer; a recipe beside it; `unfinished` without config. */
async function shippedDirectory(t: ExecutionContext): Promise<string> {
  const shipped = await mkdtemp(path.join(os.tmpdir(), 'swat-eval-shipped-'));
  t.teardown(() => rm(shipped, { recursive: true }));
  const { rawConfig, tensors } = await openModel('swat:tiny,seed=5');
  const directory = path.join(shipped, 'swat-mini');
  await writeCheckpoint(directory, { rawConfig, tensors, dtype: 'f16', maxShardBytes: 5e9 });
  await writeFile(path.join(directory, 'tokenizer.json'), JSON.stringify(byteLevelBpe('abc', [['a', 'b']])));
  await writeFile(path.join(shipped, 'recipe.yaml'), 'models: []\n');
  await mkdir(path.join(shipped, 'unfinished'));
  return shipped;
}

test('what is shipped are the directories with a config.json', async (t) => {
  t.deepEqual(shippedNames(await shippedDirectory(t)), ['swat-mini']);
  t.deepEqual(shippedNames('/no/such/directory'), []);
});

test('a name is that of a shipped checkpoint, a path never is', async (t) => {
  const shipped = await shippedDirectory(t);
  t.is(findShipped('swat-mini', shipped), path.join(shipped, 'swat-mini'));
  for (const name of ['./swat-mini', 'swat-mini/', 'unfinished', 'recipe.yaml', '.', '..', ''])
    t.is(findShipped(name, shipped), null, name);
});

test('a shipped checkpoint opens by its name, with its own tokenizer unless another one is asked for', async (t) => {
  const shipped = await shippedDirectory(t);
  const opened = await openModel('swat-mini', {}, shipped);
  t.deepEqual([opened.spec, opened.label, opened.baseline], ['swat-mini', 'swat-mini', 'swat']);
  t.is((await opened.tokenizer()).vocabularySize, 5);
  t.is((await (await openModel('swat-mini', { tokenizer: 'bytes' }, shipped)).tokenizer()).name, 'bytes');
});

test('records name the file of a shipped checkpoint without the place of the package, and any other as it is', (t) => {
  const name = (file: string) => nameForRecords(file, '/opt/swat-eval/baselines/checkpoints');
  t.is(name('/opt/swat-eval/baselines/checkpoints/swat-mini/tokenizer.json'), 'swat-mini/tokenizer.json');
  for (const file of ['bytes', 'swat-mini/tokenizer.json', '/opt/swat-eval/tokenizer.json']) t.is(name(file), file);
});

test('a mistyped name gets the shipped one as its hint', async (t) => {
  const error = await t.throwsAsync<UserError>(openModel('swat-mni', {}, await shippedDirectory(t)), {
    instanceOf: UserError,
    message: "unknown model 'swat-mni': there is no such directory, and no shipped checkpoint",
  });
  t.deepEqual([error?.kind, error?.hint], ['usage', 'did you mean swat-mini?']);
});

test('the list has parameters, tokenizer, and the tokens of the run record where there is one', async (t) => {
  const shipped = await shippedDirectory(t);
  const parameters = [...(await openModel('swat:tiny')).tensors.values()]
    .map(({ shape }) => shape.reduce((product, length) => product * length, 1))
    .reduce((sum, count) => sum + count, 0);
  const tokenizer = { name: 'tokenizer.json', vocabularySize: 5 };
  const expected = { name: 'swat-mini', modelType: 'swat', parameters, tokenizer, trainingTokens: null };
  t.deepEqual(await listShipped(shipped), [expected]);
  await writeFile(
    path.join(shipped, 'swat-mini', 'run.json'),
    '{"kind": "train", "plan": {"steps": 3, "tokens": 12288}}',
  );
  t.deepEqual(await listShipped(shipped), [{ ...expected, trainingTokens: 12288 }]);
});

test('a damaged run record is named', async (t) => {
  const shipped = await shippedDirectory(t);
  await writeFile(path.join(shipped, 'swat-mini', 'run.json'), '{}');
  const error = await t.throwsAsync<UserError>(listShipped(shipped), { instanceOf: UserError });
  t.regex(error?.message ?? '', /swat-mini\/run\.json is damaged: plan: /);
});

test('weights stored in f16 are those rounded to it, compute in f32, and take two bytes each', async (t) => {
  const shipped = await shippedDirectory(t);
  const [drawn, stored] = [await openModel('swat:tiny,seed=5'), await openModel('swat-mini', {}, shipped)];
  let parameters = 0;
  for (const [name, tensor] of stored.tensors) {
    const values = await drawn.tensors.get(name)!.read();
    t.deepEqual(await tensor.read(), floatFromHalf(halfFromFloat(values)), name);
    parameters += values.length;
  }
  const directory = path.join(shipped, 'swat-mini');
  const { size } = await stat(path.join(directory, 'model.safetensors'));
  t.true(size >= 2 * parameters && size < 2 * parameters + 8192);

  const ids = [[1, 2, 3, 4, 5, 6, 7, 8]];
  const [exact, rounded] = [
    await loadModel('swat:tiny,seed=5', { backend: 'cpu' }),
    await loadModel(directory, { backend: 'cpu' }),
  ];
  const [a, b] = [await exact.logits(ids), await rounded.logits(ids)];
  const furthest = a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i]!)), 0);
  t.true(furthest > 0 && furthest < 5e-3, String(furthest));
  await exact.dispose();
  await rounded.dispose();
});
