import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readCheckpoint } from '../../src/models/checkpoint/checkpoint.js';
import { locateParameters, nativeName } from '../../src/models/checkpoint/parameter-names.js';
import { normaliseConfig } from '../../src/models/checkpoint/normalise-config.js';
import { modelParameters, parameterCount } from '../../src/models/checkpoint/parameters.js';
import type { RawConfig } from '../../src/models/define-baseline.js';
import { familyOf } from '../../src/models/families.js';
import { initialWeights } from '../../src/models/initialisation.js';
import { configureBaseline } from '../../src/models/registry.js';
import { UserError } from '../../src/user-error.js';
import { scratchDirectory, userError, writeFloatTensors, type StoredTensor } from './checkpoint/files.js';
import { assertFormsAgree, assertForkGoesOn, bytesOf, randomIds, startSpec } from './forms-agree.js';

for (const spec of ['mamba:tiny', 'mamba:tiny,layers=1,states=5,conv_kernel=2,expand=1'])
  test.serial(`${spec}: the step form and the form in two pieces agree with the parallel form`, async (t) => {
    const model = await startSpec(spec);
    await assertFormsAgree(t, model);
    model.dispose();
  });

test.serial('a forked state goes on as its row did', async (t) => {
  const model = await startSpec('mamba:tiny');
  await assertForkGoesOn(t, model);
  model.dispose();
});

test.serial('the state is N numbers a channel and the inputs of the convolution, at every position', async (t) => {
  const model = await startSpec('mamba:tiny,layers=1');
  for (const length of [1, 70]) {
    const { state } = model.forward(randomIds(2, length), model.initialState(2));
    t.is(bytesOf(state.layers), model.stateBytes(2, length));
  }
  t.is(model.stateBytes(1, 70), 4 * (128 * 16 + 3 * 128));
  model.dispose();
});

test.serial('the states stay bounded over a long text', async (t) => {
  const model = await startSpec('mamba:tiny');
  const { hidden } = model.forward(randomIds(1, 2000));
  t.true((await hidden.data()).every(Number.isFinite));
  model.dispose();
});

const tiny = { model_type: 'mamba', vocab_size: 8, hidden_size: 32, num_hidden_layers: 1, state_size: 4 };
const read = (keys: RawConfig) => normaliseConfig({ ...tiny, ...keys }, 'dir/config.json');

test('the 340m size has 320.0M parameters beside the embedding and 32,768 states a layer; 760m is 765.1M', async (t) => {
  const configOf = async (size: string) => {
    const { config } = await configureBaseline({ kind: 'baseline', name: 'mamba', size, overrides: {} });
    return normaliseConfig(config, 'config.json');
  };
  const config = await configOf('340m');
  t.is(((parameterCount(config) - 32000 * 1024) / 1e6).toFixed(1), '320.0');
  t.is((parameterCount(config) / 1e6).toFixed(1), '352.8');
  t.is(familyOf(config).createMixer(config, 0).stateBytes(1, 4096), 4 * (32_768 + 3 * 2048));
  t.is((parameterCount(await configOf('760m')) / 1e6).toFixed(1), '765.1');
});

test('transformers names its settings otherwise, and writes more of them', (t) => {
  const transformers = {
    layer_norm_epsilon: 1e-5,
    intermediate_size: 64,
    time_step_rank: 2,
    time_step_min: 0.001,
    time_step_max: 0.1,
    time_step_scale: 1,
    time_step_floor: 1e-4,
    time_step_init_scheme: 'random',
    residual_in_fp32: true,
    use_conv_bias: true,
  };
  t.deepEqual(read(transformers), read({}));
});

for (const [keys, complaint] of [
  [{ intermediate_size: 48 }, /"intermediate_size" is 48, expected "hidden_size" times "expand", 64$/],
  [{ norm_eps: 1e-5, layer_norm_epsilon: 1e-6 }, /"norm_eps" and "layer_norm_epsilon" are the same setting/],
  [{ dt_rank: 'all' }, /"dt_rank" is "all", expected a positive integer or 'auto'/],
  [{ dt_init_scheme: 'constant' }, /"dt_init_scheme" is "constant", expected random/],
  [{ dt_min: 1e-5 }, /the initial step sizes go from 0.00001 to 0.1, with a floor of 0.0001/],
  [{ hidden_act: 'gelu' }, /"hidden_act" is "gelu", expected silu or swish/],
  [{ rope_theta: 10000 }, /"rope_theta" is 10000, a setting that is not supported/],
  [{ attn: { layers: [0] } }, /"attn" is \{"layers":\[0\]\}, a setting that is not supported/],
] as const)
  test(`${JSON.stringify(keys)} is refused`, (t) => {
    t.throws(() => read(keys as unknown as RawConfig), { instanceOf: UserError, message: complaint });
  });

test('the embedding may have the name of the first release', (t) => {
  const parameters = modelParameters(read({}));
  const stored = new Map(parameters.map(({ name, shape }) => [nativeName(name, 'mamba'), { shape }]));
  const embedding = stored.get('backbone.embeddings.weight')!;
  stored.delete('backbone.embeddings.weight');
  stored.set('backbone.embedding.weight', embedding);
  const sources = locateParameters(parameters, stored, { modelType: 'mamba', tied: false }, 'model.safetensors');
  t.is(sources.get('model.embeddings.weight')?.name, 'backbone.embedding.weight');
  t.is(sources.get('model.layers.0.attn_norm.weight')?.name, 'backbone.layers.0.norm.weight');
  t.is(sources.get('model.norm.weight')?.name, 'backbone.norm_f.weight');
});

/** A checkpoint whose tensors have steps of rank 3. */
async function checkpointOfRank3(t: ExecutionContext, keys: RawConfig): Promise<string> {
  const directory = await scratchDirectory(t);
  await writeFile(path.join(directory, 'config.json'), JSON.stringify({ ...tiny, ...keys }));
  const tensors = modelParameters(read({ dt_rank: 3 })).map((parameter): [string, StoredTensor] => [
    nativeName(parameter.name, 'mamba'),
    { shape: [...parameter.shape], values: [...initialWeights(parameter, 1)] },
  ]);
  await writeFloatTensors(path.join(directory, 'model.safetensors'), Object.fromEntries(tensors));
  return directory;
}

for (const keys of [{}, { dt_rank: 'auto' }, { time_step_rank: 5 }])
  test(`${JSON.stringify(keys)} leaves the rank of the steps to the tensors`, async (t) => {
    const { tensors } = await readCheckpoint(await checkpointOfRank3(t, keys));
    t.deepEqual(tensors.get('model.layers.0.attn.dt_proj.weight')?.shape, [64, 3]);
    t.deepEqual(tensors.get('model.layers.0.attn.x_proj.weight')?.shape, [3 + 2 * 4, 64]);
  });

test('a stated rank must be that of the tensors', async (t) => {
  const { message } = await userError(t, readCheckpoint(await checkpointOfRank3(t, { dt_rank: 2 })));
  t.is(message, 'model.safetensors holds backbone.layers.0.mixer.x_proj.weight of shape [11, 64], expected [10, 64]');
});

test('random weights: A is -1 to -N, D is 1, steps are between 0.001 and 0.1, projected from a uniform rank', (t) => {
  const parameters = new Map(
    modelParameters(read({})).map((parameter) => [parameter.name.split('.attn.')[1], parameter]),
  );
  const values = (name: string) => initialWeights(parameters.get(name)!, 1);
  values('A_log').forEach((value, i) => t.true(Math.abs(Math.exp(value) - ((i % 4) + 1)) < 1e-6));
  t.true(values('D').every((value) => value === 1));
  const steps = values('dt_proj.bias').map((value) => Math.log1p(Math.exp(value)));
  t.true(steps.every((step) => step > 0.001 && step < 0.1));
  t.true(Math.min(...steps) < 0.002 && Math.max(...steps) > 0.05);
  const projection = values('dt_proj.weight');
  t.true(projection.every((value) => Math.abs(value) < 2 ** -0.5));
  t.true(Math.max(...projection) > 0.6 && Math.min(...projection) < -0.6);
});
