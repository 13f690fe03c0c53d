import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readCheckpoint } from '../../../src/models/checkpoint/checkpoint.js';
import { normaliseConfig } from '../../../src/models/checkpoint/normalise-config.js';
import { modelParameters } from '../../../src/models/checkpoint/parameters.js';
import { openSafetensors, readFloats } from '../../../src/models/checkpoint/safetensors.js';
import { digestWeights } from '../../../src/models/checkpoint/weights-digest.js';
import {
  goldenFixtures,
  goldenModel,
  scratchDirectory,
  tinyConfig,
  userError,
  writeFloatTensors,
  type StoredTensor,
} from './files.js';

/** Every parameter of the tiny model, with values that tell their places apart. */
function tinyTensors(keys: object = {}): Record<string, StoredTensor> {
  const parameters = modelParameters(normaliseConfig({ ...tinyConfig, ...keys }, 'config.json'));
  return Object.fromEntries(
    parameters.map(({ name, shape }, p) => {
      const length = shape.reduce((a, b) => a * b, 1);
      return [name, { shape: [...shape], values: Array.from({ length }, (_, i) => p + i / 64) }];
    }),
  );
}

async function tinyCheckpoint(t: ExecutionContext, tensors = tinyTensors(), keys: object = {}): Promise<string> {
  const directory = await scratchDirectory(t);
  await writeFile(path.join(directory, 'config.json'), JSON.stringify({ ...tinyConfig, ...keys }));
  await writeFloatTensors(path.join(directory, 'model.safetensors'), tensors);
  return directory;
}

async function shardedCheckpoint(t: ExecutionContext): Promise<{ directory: string; index: Record<string, string> }> {
  const directory = await tinyCheckpoint(t);
  await rm(path.join(directory, 'model.safetensors'));
  const entries = Object.entries(tinyTensors());
  const index: Record<string, string> = {};
  for (const [i, part] of [entries.slice(0, 5), entries.slice(5)].entries()) {
    const file = `model-0000${i + 1}-of-00002.safetensors`;
    await writeFloatTensors(path.join(directory, file), Object.fromEntries(part));
    for (const [name] of part) index[name] = file;
  }
  await writeIndex(directory, index);
  return { directory, index };
}

const writeIndex = (directory: string, weightMap: unknown) =>
  writeFile(path.join(directory, 'model.safetensors.index.json'), JSON.stringify({ weight_map: weightMap }));

for (const folder of ['swat', 'swat-gqa', 'swat-minus', 'swat-plus', 'swat-softmax-rope', 'transformer'])
  test(`the golden checkpoint ${folder} opens, and its gradients are named as its parameters are`, async (t) => {
    const directory = goldenModel(t, folder);
    if (directory === null) return;
    const checkpoint = await readCheckpoint(directory);
    const golden = await openSafetensors(path.join(directory, 'golden.safetensors'));
    const gradients = [...golden.tensors.keys()].filter((name) => name.startsWith('grad.'));
    const sources = [...checkpoint.sources.values()];
    t.deepEqual(gradients.sort(), sources.map(({ name }) => `grad.${name}`).sort());
    t.true(sources.every(({ name, shape }) => String(golden.tensors.get(`grad.${name}`)?.shape) === String(shape)));
  });

test('weights are those of the file, under canonical names', async (t) => {
  const directory = path.join(goldenFixtures, 'transformer');
  const checkpoint = await readCheckpoint(directory);
  const file = await openSafetensors(path.join(directory, 'model.safetensors'));
  t.deepEqual(
    await checkpoint.tensors.get('model.layers.1.attn.k_proj.weight')!.read(),
    await readFloats(file, 'model.layers.1.self_attn.k_proj.weight'),
  );
  t.deepEqual(checkpoint.tensors.get('model.layers.1.attn.k_proj.weight')!.shape, [32, 64]);
  t.is(checkpoint.rawConfig['model_type'], 'llama');
});

test('shards read as the single file does', async (t) => {
  const { directory } = await shardedCheckpoint(t);
  const sharded = await readCheckpoint(directory);
  const single = await readCheckpoint(await tinyCheckpoint(t));
  t.is(await digestWeights(sharded.tensors), await digestWeights(single.tensors));
});

test('a fused gate reads as the two matrices it holds', async (t) => {
  const tensors = tinyTensors();
  const fused = Object.fromEntries(
    Object.entries(tensors).flatMap(([name, { shape, values }]) => {
      if (name.endsWith('.up_proj.weight')) return [];
      if (!name.endsWith('.gate_proj.weight')) return [[name, { shape, values }]];
      const up = tensors[name.replace('gate_proj', 'up_proj')]!;
      return [[name, { shape: [2 * shape[0]!, shape[1]!], values: [...values, ...up.values] }]];
    }),
  );
  const old = await readCheckpoint(await tinyCheckpoint(t, fused));
  const separate = await readCheckpoint(await tinyCheckpoint(t));
  for (const name of separate.tensors.keys())
    t.deepEqual(await old.tensors.get(name)!.read(), await separate.tensors.get(name)!.read(), name);
  t.is(await digestWeights(old.tensors), await digestWeights(separate.tensors));
});

test('the digest changes with a weight and with a name', async (t) => {
  const digest = async (tensors: Record<string, StoredTensor>) =>
    digestWeights((await readCheckpoint(await tinyCheckpoint(t, tensors))).tensors);
  const changed = tinyTensors();
  const norm = changed['model.norm.weight']!;
  const swapped = {
    ...changed,
    'model.norm.weight': changed['model.layers.0.mlp_norm.weight']!,
    'model.layers.0.mlp_norm.weight': norm,
  };
  const one = { ...changed, 'model.norm.weight': { ...norm, values: norm.values.with(2, -1) } };
  t.is(new Set([await digest(changed), await digest(swapped), await digest(one)]).size, 3);
});

test('NaN and infinite weights are counted and named', async (t) => {
  const tensors = tinyTensors();
  const name = 'model.layers.1.mlp.up_proj.weight';
  tensors[name] = { ...tensors[name]!, values: tensors[name]!.values.with(0, NaN).with(3, -Infinity) };
  const directory = await tinyCheckpoint(t, tensors);
  const checkpoint = await readCheckpoint(directory);
  const error = await userError(t, checkpoint.tensors.get(name)!.read());
  t.is(error.message, `2 of 12 weights in ${name} are NaN or infinite`);
  t.is(error.where, path.join(directory, 'model.safetensors'));
});

test('a tied checkpoint may repeat its embedding as the head', async (t) => {
  const tied = { tie_word_embeddings: true };
  const embedding = tinyTensors()['model.embeddings.weight']!;
  const checkpoint = await readCheckpoint(
    await tinyCheckpoint(t, { ...tinyTensors(tied), 'lm_head.weight': embedding }, tied),
  );
  t.false(checkpoint.tensors.has('lm_head.weight'));
  t.deepEqual([...(await checkpoint.tensors.get('model.embeddings.weight')!.read())], [...embedding.values]);
});

test('a tied checkpoint with another head is an error', async (t) => {
  const tied = { tie_word_embeddings: true };
  const checkpoint = await readCheckpoint(await tinyCheckpoint(t, tinyTensors(), tied));
  const error = await userError(t, checkpoint.tensors.get('model.embeddings.weight')!.read());
  t.is(
    error.message,
    'config.json ties the head to the embedding, but lm_head.weight and model.embeddings.weight differ',
  );
});

test('an untied checkpoint without a head is an error that tells of tying', async (t) => {
  const directory = await tinyCheckpoint(t, tinyTensors({ tie_word_embeddings: true }));
  const error = await userError(t, readCheckpoint(directory));
  t.is(error.message, 'model.safetensors has no tensor lm_head.weight, expected one of shape [6, 4]');
  t.regex(error.hint ?? '', /tie_word_embeddings/);
});

test('a directory that is not there, and one without weights, are errors', async (t) => {
  const directory = await scratchDirectory(t);
  const config = path.join(directory, 'config.json');
  t.is((await userError(t, readCheckpoint(directory))).message, `cannot read ${config}: it does not exist`);
  await writeFile(config, JSON.stringify(tinyConfig));
  const { message } = await userError(t, readCheckpoint(directory));
  t.is(message, `${directory} has neither model.safetensors nor model.safetensors.index.json`);
});

test('a pickle is not read; the error says how to convert it', async (t) => {
  const directory = await scratchDirectory(t);
  await writeFile(path.join(directory, 'config.json'), JSON.stringify(tinyConfig));
  await writeFile(path.join(directory, 'pytorch_model.bin'), 'x');
  const error = await userError(t, readCheckpoint(directory));
  t.is(
    error.message,
    `${directory} has its weights as pytorch_model.bin only, a pickle, which can run code and is not read`,
  );
  t.regex(error.hint ?? '', /save_pretrained/);
});

test('a missing shard is named', async (t) => {
  const { directory } = await shardedCheckpoint(t);
  const shard = path.join(directory, 'model-00002-of-00002.safetensors');
  await rm(shard);
  t.is((await userError(t, readCheckpoint(directory))).message, `cannot read ${shard}: it does not exist`);
});

test('a tensor that is not in its shard is named', async (t) => {
  const { directory, index } = await shardedCheckpoint(t);
  await writeIndex(directory, { ...index, 'model.norm.weight': 'model-00001-of-00002.safetensors' });
  const { message } = await userError(t, readCheckpoint(directory));
  t.is(
    message,
    'model.safetensors.index.json says that model.norm.weight is in model-00001-of-00002.safetensors, but it is not there',
  );
});

test('a tensor that the index leaves out is named', async (t) => {
  const { directory, index } = await shardedCheckpoint(t);
  delete index['model.norm.weight'];
  await writeIndex(directory, index);
  const { message } = await userError(t, readCheckpoint(directory));
  t.is(
    message,
    'model-00002-of-00002.safetensors holds model.norm.weight, which model.safetensors.index.json does not say',
  );
});

test('an index without a map is an error', async (t) => {
  const { directory } = await shardedCheckpoint(t);
  await writeIndex(directory, ['a']);
  t.regex(
    (await userError(t, readCheckpoint(directory))).message,
    /has no "weight_map" from tensor names to file names/,
  );
});

for (const shard of [
  '../x.safetensors',
  '/etc/x.safetensors',
  'a/../../x.safetensors',
  '..\\x.safetensors',
  '..',
  'x.bin',
  '',
])
  test(`an index that names the shard '${shard}' opens nothing`, async (t) => {
    const { directory, index } = await shardedCheckpoint(t);
    await writeIndex(directory, { ...index, 'model.norm.weight': shard });
    const { message } = await userError(t, readCheckpoint(directory));
    t.is(
      message,
      `model.safetensors.index.json names the shard ${JSON.stringify(shard)}, expected a .safetensors file beside it`,
    );
  });

test('links, as the Hugging Face cache has them, are followed', async (t) => {
  const blobs = await tinyCheckpoint(t);
  const snapshot = path.join(await scratchDirectory(t), 'snapshot');
  await mkdir(snapshot);
  for (const file of ['config.json', 'model.safetensors'])
    await symlink(path.join(blobs, file), path.join(snapshot, file));
  t.is((await readCheckpoint(snapshot)).tensors.size, 21);
});
