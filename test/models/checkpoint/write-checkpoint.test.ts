import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { readCheckpoint } from '../../../src/models/checkpoint/checkpoint.js';
import { normaliseConfig } from '../../../src/models/checkpoint/normalise-config.js';
import { modelParameters } from '../../../src/models/checkpoint/parameters.js';
import { openSafetensors, type TensorSource } from '../../../src/models/checkpoint/safetensors.js';
import { digestWeights } from '../../../src/models/checkpoint/weights-digest.js';
import { writeCheckpoint, type CheckpointContents } from '../../../src/models/checkpoint/write-checkpoint.js';
import { initialWeights } from '../../../src/models/initialisation.js';
import { goldenFixtures, scratchDirectory, tinyConfig, userError } from './files.js';

function randomModel(rawConfig: CheckpointContents['rawConfig'] = tinyConfig): CheckpointContents {
  const tensors = modelParameters(normaliseConfig(rawConfig, 'config.json')).map(
    (parameter): [string, TensorSource] => [
      parameter.name,
      { shape: parameter.shape, read: async () => initialWeights(parameter, 1) },
    ],
  );
  return { rawConfig, tensors: new Map(tensors), dtype: 'f32', maxShardBytes: 5e9 };
}

for (const folder of ['swat', 'swat-gqa', 'transformer'])
  test(`the golden checkpoint ${folder} survives being written: names, weights, configuration`, async (t) => {
    const original = await readCheckpoint(path.join(goldenFixtures, folder));
    const directory = path.join(await scratchDirectory(t), 'new', 'copy');
    await writeCheckpoint(directory, { ...original, dtype: 'f32', maxShardBytes: 5e9 });
    const copy = await readCheckpoint(directory);
    t.deepEqual(copy.config, original.config);
    t.deepEqual(copy.rawConfig, original.rawConfig);
    t.deepEqual(copy.sources, original.sources);
    t.is(await digestWeights(copy.tensors), await digestWeights(original.tensors));
    t.deepEqual((await readdir(directory)).sort(), ['config.json', 'model.safetensors']);
  });

test('weights beyond the shard size go into several files with an index that transformers reads', async (t) => {
  const directory = await scratchDirectory(t);
  await writeCheckpoint(directory, { ...randomModel(), maxShardBytes: 300 });
  const files = (await readdir(directory)).sort();
  t.deepEqual(files.slice(-3), [
    'model-00003-of-00004.safetensors',
    'model-00004-of-00004.safetensors',
    'model.safetensors.index.json',
  ]);
  const index = JSON.parse(await readFile(path.join(directory, 'model.safetensors.index.json'), 'utf8')) as {
    metadata: unknown;
  };
  t.deepEqual(index.metadata, { total_size: 1072 });
  const copy = await readCheckpoint(directory);
  t.is(await digestWeights(copy.tensors), await digestWeights(randomModel().tensors));
});

test('a tensor larger than a shard has a shard of its own', async (t) => {
  const directory = await scratchDirectory(t);
  await writeCheckpoint(directory, { ...randomModel(), maxShardBytes: 1 });
  t.is((await readdir(directory)).filter((name) => name.endsWith('.safetensors')).length, 21);
});

test('a tied model is written without a head', async (t) => {
  const directory = await scratchDirectory(t);
  await writeCheckpoint(directory, randomModel({ ...tinyConfig, tie_word_embeddings: true }));
  t.false((await openSafetensors(path.join(directory, 'model.safetensors'))).tensors.has('lm_head.weight'));
});

for (const dtype of ['f16', 'bf16'] as const)
  test(`weights that ${dtype} can hold survive it`, async (t) => {
    const directory = await scratchDirectory(t);
    const { tensors, ...rest } = randomModel();
    const coarse = new Map(
      [...tensors].map(([name, tensor]) => [
        name,
        { shape: tensor.shape, read: async () => (await tensor.read()).map((value) => Math.round(value * 512) / 512) },
      ]),
    );
    await writeCheckpoint(directory, { ...rest, tensors: coarse, dtype });
    t.is(await digestWeights((await readCheckpoint(directory)).tensors), await digestWeights(coarse));
  });

test('a directory that holds a checkpoint is not written over, one with a tokenizer is', async (t) => {
  const directory = await scratchDirectory(t);
  await writeFile(path.join(directory, 'tokenizer.json'), '{}');
  await writeCheckpoint(directory, randomModel());
  const error = await userError(t, writeCheckpoint(directory, randomModel()));
  t.is(error.message, `${directory} already holds a checkpoint: config.json`);
});

test('NaN weights are not written, and nothing is left of the attempt', async (t) => {
  const directory = await scratchDirectory(t);
  const { tensors, ...rest } = randomModel();
  const broken = { shape: [4], read: async () => Float32Array.of(1, NaN, 2, 3) };
  const contents = { ...rest, maxShardBytes: 300, tensors: new Map(tensors).set('model.norm.weight', broken) };
  const error = await userError(t, writeCheckpoint(directory, contents));
  t.is(error.message, '1 of 4 weights in model.norm.weight are NaN or infinite');
  t.deepEqual(await readdir(directory), []);
});

test('a place that cannot be written is an error that names it', async (t) => {
  const occupied = path.join(await scratchDirectory(t), 'file');
  await writeFile(occupied, '');
  const error = await userError(t, writeCheckpoint(path.join(occupied, 'model'), randomModel()));
  t.is(error.kind, 'failure');
  t.regex(error.message, /^cannot write .*file.*: a part of its path is not a directory$/);
});

test('a read-only directory is an error that says so', async (t) => {
  if (process.getuid?.() === 0) {
    t.log('skipped: root may write everywhere');
    t.pass();
    return;
  }
  const directory = path.join(await scratchDirectory(t), 'locked');
  await mkdir(directory);
  await chmod(directory, 0o555);
  const error = await userError(t, writeCheckpoint(directory, randomModel()));
  t.regex(error.message, /^cannot write .*model.safetensors: permission denied$/);
});
