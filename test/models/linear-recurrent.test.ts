import test from 'ava';
import { locateParameters } from '../../src/models/checkpoint/parameter-names.js';
import { normaliseConfig } from '../../src/models/checkpoint/normalise-config.js';
import { modelParameters, parameterCount } from '../../src/models/checkpoint/parameters.js';
import type { RawConfig } from '../../src/models/define-baseline.js';
import { familyOf } from '../../src/models/families.js';
import { parseModelSpec } from '../../src/models/model-spec.js';
import { configureBaseline } from '../../src/models/registry.js';
import { UserError } from '../../src/user-error.js';
import { assertFormsAgree, assertForkGoesOn, bytesOf, randomIds, startSpec } from './forms-agree.js';
import { largestDifference } from './golden-models.js';
import { startConfig } from './start-config.js';

const common = { vocab_size: 257, hidden_size: 64, num_hidden_layers: 2, num_heads: 2 };
const retnet = { ...common, model_type: 'retnet' };
const gla = { ...common, model_type: 'gla' };
const gsa = { ...common, model_type: 'gsa', num_slots: 16 };
const mamba2: RawConfig = { ...common, model_type: 'mamba2', num_heads: null, head_dim: 16, state_size: 16 };

const CONFIGS: [what: string, config: RawConfig][] = [
  ['RetNet', retnet],
  ['RetNet without gate and norm weight', { ...retnet, use_output_gate: false, elementwise_affine: false }],
  ['GLA', gla],
  ['GLA with convolutions and bounded gates', { ...gla, use_short_conv: true, clamp_min: -0.02, expand_v: 2 }],
  ['GSA', gsa],
  ['GSA with convolutions, as many slots as channels', { ...gsa, use_short_conv: true, num_slots: null }],
  ['Mamba2', mamba2],
  ['Mamba2 with groups and the norm first', { ...mamba2, n_groups: 4, norm_before_gate: true, D_has_hdim: true }],
  ['Mamba2 without norm, with biases', { ...mamba2, rmsnorm: false, use_bias: true, dt_limit: [0.01, 0.05] }],
];

for (const [what, config] of CONFIGS) {
  test.serial(`${what}: the step form and the form in two pieces agree with the parallel form`, async (t) => {
    const model = await startConfig(config);
    await assertFormsAgree(t, model);
    model.dispose();
  });

  test.serial(`${what}: the state is as large as its formula says, and forks`, async (t) => {
    const model = await startConfig(config);
    for (const length of [1, 70]) {
      const { state } = model.forward(randomIds(2, length), model.initialState(2));
      t.is(bytesOf(state.layers), model.stateBytes(2, length));
    }
    await assertForkGoesOn(t, model);
    model.dispose();
  });
}

test.serial('strong gates overflow nothing', async (t) => {
  const strong = (i: number) => (i % 3 === 0 ? -400 : 4);
  for (const [config, replaced] of [
    [gla, { 'gk_proj.1.bias': strong }],
    [gsa, { 'f_proj.weight': strong }],
    [mamba2, { A_log: () => 6, dt_bias: () => 5 }],
  ] as const) {
    const model = await startConfig(config, replaced);
    await assertFormsAgree(t, model, [65]);
    model.dispose();
  }
});

/** The largest difference between the hidden states of two models with the same seeded weights. */
async function difference(...models: Parameters<typeof startConfig>[]): Promise<number> {
  const [one, other] = await Promise.all(
    models.map(async (description) => {
      const model = await startConfig(...description);
      const hidden = await model.forward(randomIds(2, 100)).hidden.data();
      model.dispose();
      return hidden;
    }),
  );
  return largestDifference(one!, other!);
}

test.serial('a bound on the gates of 0 is no decay, as are gates that are wide open', async (t) => {
  t.true((await difference([{ ...gla, clamp_min: 0 }], [gla, { 'gk_proj.1.bias': () => 100 }])) < 1e-5);
  t.true((await difference([{ ...gla, clamp_min: 0 }], [gla])) > 1e-3);
});

test.serial('a step limited to one value is that value, whatever its bias', async (t) => {
  const fixed = { ...mamba2, dt_limit: [0.05, 0.05] };
  t.true((await difference([fixed], [fixed, { dt_bias: () => 3 }])) < 1e-6);
  t.true((await difference([mamba2], [mamba2, { dt_bias: () => 3 }])) > 1e-5);
});

test.serial('groups of heads with the same B and C are one group', async (t) => {
  // Rows of in_proj: z 128, x 128, B and C 16 a group, dt 8.
  const weight = (groups: number) => (i: number) => {
    const [row, column] = [Math.floor(i / 64), i % 64];
    const inB = Math.floor((row - 256) / 16); // B of a group, then C of a group
    const source =
      row < 256 ? row : inB < 2 * groups ? 256 + 16 * Math.floor(inB / groups) + (row % 16) : row - 32 * (groups - 1);
    return Math.sin(source * 64 + column) / 8;
  };
  const replaced = (groups: number) => ({ 'in_proj.weight': weight(groups), 'conv1d.weight': (i: number) => i % 4 });
  const noNorm = { ...mamba2, rmsnorm: false }; // with a norm, the groups are its groups too
  t.true((await difference([noNorm, replaced(1)], [{ ...noNorm, n_groups: 4 }, replaced(4)])) < 1e-5);
});

async function shapeOf(spec: string) {
  const parsed = parseModelSpec(spec);
  if (parsed.kind !== 'baseline') throw new Error(`${spec} names no baseline`);
  const { config: raw } = await configureBaseline(parsed);
  const config = normaliseConfig(raw, spec);
  const state = familyOf(config).createMixer(config, 0).stateBytes(1, 4096) / 4;
  return { millions: (parameterCount(config) / 1e6).toFixed(1), state };
}

for (const [spec, tied, untied, state] of [
  ['retnet:340m', '347.4', '380.2', 262_144],
  ['gla:340m', '341.7', '374.5', 131_072],
  ['gsa:340m', '347.4', '380.2', 131_072],
  ['mamba2:340m', '349.6', '382.4', 262_144 + 3 * 2304],
] as const)
  test(`${spec} has ${tied}M parameters, ${untied}M untied, and a state of ${state} numbers a layer`, async (t) => {
    t.deepEqual(await shapeOf(spec), { millions: tied, state });
    t.deepEqual(await shapeOf(`${spec},tied=false`), { millions: untied, state });
  });

test('the 760M sizes have as many parameters as a Transformer++ of that size, within 4 %', async (t) => {
  const wanted = Number((await shapeOf('transformer:760m')).millions);
  for (const name of ['retnet', 'gla', 'gsa', 'mamba2']) {
    const found = Number((await shapeOf(`${name}:760m`)).millions);
    t.true(Math.abs(found / wanted - 1) < 0.04, `${name}: ${found} and ${wanted}`);
  }
});

test.serial('the tiny sizes run', async (t) => {
  for (const name of ['retnet', 'gla', 'gsa', 'mamba2']) {
    const model = await startSpec(`${name}:tiny`);
    await assertFormsAgree(t, model, [17]);
    model.dispose();
  }
});

const read = (keys: RawConfig) => normaliseConfig(keys, 'dir/config.json');

test('keys that a config.json leaves out have the defaults of its class', (t) => {
  const minimal = { vocab_size: 32000, hidden_size: 2048, num_hidden_layers: 24 };
  t.like(read({ ...minimal, model_type: 'retnet' }), {
    intermediateSize: 2816,
    heads: 8,
    keyDim: 256,
    valueDim: 512,
    outputGate: true,
    normWeight: true,
  });
  t.like(read({ ...minimal, model_type: 'gla' }), {
    intermediateSize: 5632,
    heads: 4,
    keyDim: 256,
    valueDim: 512,
    convolutionTaps: null,
    leastLogDecay: null,
  });
  t.like(read({ ...minimal, model_type: 'gsa' }), {
    heads: 4,
    keyDim: 512,
    valueDim: 512,
    slots: 64,
    gateNormaliser: 8,
  });
  t.like(read({ ...minimal, model_type: 'mamba2' }), {
    intermediateSize: null,
    normEps: 1e-5,
    heads: 64,
    headDim: 64,
    stateSize: 128,
    groups: 1,
    convolutionTaps: 4,
    convolutionBias: true,
    projectionBias: false,
    gating: 'before-norm',
    stepLimit: [0, Infinity],
  });
});

test("expand_k may be spelt as in the reference's arguments, and not say two things", (t) => {
  t.like(read({ ...gsa, exapnd_k: 0.5 }), { keyDim: 16, valueDim: 32 });
  t.like(read({ ...gsa, expand_k: 0.5 }), { keyDim: 16, valueDim: 32 });
  t.throws(() => read({ ...gsa, expand_k: 0.5, exapnd_k: 1 }), { instanceOf: UserError, message: /same setting/ });
});

for (const [keys, message] of [
  [{ ...retnet, feature_map: 'relu' }, '"feature_map" is "relu", a setting that is not supported'],
  [{ ...gla, feature_map: 'elu' }, '"feature_map" is "elu", a setting that is not supported'],
  [{ ...gsa, feature_map: 't2r' }, '"feature_map" is "t2r", expected swish'],
  [{ ...retnet, rope_theta: 500 }, '"rope_theta" is 500, a setting that is not supported'],
  [{ ...retnet, use_short_conv: true }, '"use_short_conv" is true, expected false'],
  [{ ...retnet, hidden_act: 'gelu' }, '"hidden_act" is "gelu", expected silu or swish'],
  [{ ...retnet, hidden_size: 66, num_heads: 2 }, 'a rotary embedding needs an even head size, and this one is 33'],
  [{ ...gla, num_kv_heads: 1 }, '"num_kv_heads" is 1, expected as many as "num_heads", which is 2'],
  [{ ...gla, num_heads: 3 }, '"expand_k" is 0.5: 32 channels do not divide into 3 heads'],
  [{ ...gla, clamp_min: 1 }, '"clamp_min" is 1, expected a number of at most 0'],
  [{ ...gla, use_gv: true }, '"use_gv" is true, expected false'],
  [{ ...gsa, use_output_gate: true }, '"use_output_gate" is true, expected false'],
  [{ ...gsa, expand_v: 2 }, '"expand_v" is 2, expected 1: the norm of the output is as wide as the model'],
  [{ ...mamba2, num_heads: 4 }, '"num_heads" is 4, expected 8: 128 channels in heads of 16'],
  [{ ...mamba2, head_dim: 48 }, '128 channels do not divide into heads of "head_dim" 48'],
  [{ ...mamba2, n_groups: 3 }, '"n_groups" is 3, which does not divide 8 heads'],
  [{ ...mamba2, dt_limit: [1, 0.5] }, '"dt_limit" is [1,0.5], expected the smaller number first'],
  [{ ...mamba2, time_step_limit: [0.5, 1] }, '"time_step_limit" is [0.5,1], expected [0, Infinity] as "dt_limit"'],
] as const)
  test(`refused: ${message}`, (t) => {
    t.throws(() => read(keys as unknown as RawConfig), { instanceOf: UserError, message: `config.json: ${message}` });
  });

/** The names under which a file's tensors are looked for, when they are its names for the canonical ones. */
function located(raw: RawConfig, storedName: (canonical: string) => string) {
  const config = read(raw);
  const parameters = modelParameters(config);
  const stored = new Map(parameters.map(({ name, shape }) => [storedName(name), { shape }]));
  return [...locateParameters(parameters, stored, config, 'model.safetensors').values()].map(({ name }) => name);
}

test("norms that are not fused with their gate, and Mamba's first names, are found", (t) => {
  for (const config of [retnet, gla])
    t.true(
      located(config, (name) => name.replace('g_norm_swish_gate', 'g_norm')).includes(
        'model.layers.0.attn.g_norm.weight',
      ),
    );
  const names = located(mamba2, (name) =>
    name
      .replace('model.embeddings.', 'backbone.embedding.')
      .replace('model.layers.', 'backbone.layers.')
      .replace('.attn_norm.', '.norm.')
      .replace('.attn.', '.mixer.')
      .replace('model.norm.', 'backbone.norm_f.'),
  );
  t.is(names[0], 'backbone.embedding.weight');
  t.true(names.includes('backbone.layers.1.mixer.norm.weight'));
  t.true(names.includes('backbone.layers.1.norm.weight'));
  t.true(names.includes('backbone.norm_f.weight'));
});

test('Mamba2 starts as its reference: A uniform in (1, 16), steps from 0.001 to 0.1, a scaled output', (t) => {
  const starts = new Map(modelParameters(read(mamba2)).map((p) => [p.name, p.initialisation]));
  const start = (name: string) => starts.get(`model.layers.0.attn.${name}`);
  t.deepEqual(start('A_log'), { kind: 'log-of-uniform', low: 1, high: 16 });
  t.deepEqual(start('dt_bias'), { kind: 'inverse-softplus-of-log-uniform', low: 0.001, high: 0.1 });
  t.deepEqual(start('D'), { kind: 'ones' });
  t.deepEqual(start('out_proj.weight'), { kind: 'uniform', low: -1 / 16, high: 1 / 16 });
  t.deepEqual(start('in_proj.weight'), { kind: 'normal', std: 0.02 });
});
