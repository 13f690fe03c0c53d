import test from 'ava';
import { locateParameters } from '../../src/models/checkpoint/parameter-names.js';
import type { ModelConfig } from '../../src/models/checkpoint/model-config.js';
import { normaliseConfig } from '../../src/models/checkpoint/normalise-config.js';
import { modelParameters, parameterCount } from '../../src/models/checkpoint/parameters.js';
import type { RawConfig } from '../../src/models/define-baseline.js';
import { familyOf } from '../../src/models/families.js';
import type { DeltaNetConfig } from '../../src/models/mixers/delta-net.js';
import { parseModelSpec } from '../../src/models/model-spec.js';
import { configureBaseline } from '../../src/models/registry.js';
import { UserError } from '../../src/user-error.js';
import { assertFormsAgree, assertForkGoesOn, bytesOf, randomIds, startSpec } from './forms-agree.js';
import { largestDifference } from './golden-models.js';
import { startConfig } from './start-config.js';

const SPECS = [
  'delta_net:tiny',
  'delta_net:tiny,gate=true,neg_eigval=true,heads=4',
  'delta_net:tiny,conv=false,expand_k=0.5,expand_v=2',
  'gated_deltanet:tiny',
  'gated_deltanet:tiny,value_heads=4,gate=false,conv_size=2',
];

for (const spec of SPECS)
  test.serial(`${spec}: the step form and the form in two pieces agree with the parallel form`, async (t) => {
    const model = await startSpec(spec);
    await assertFormsAgree(t, model);
    model.dispose();
  });

test.serial('a forked state goes on as its row did', async (t) => {
  for (const spec of ['delta_net:tiny,conv=false', 'gated_deltanet:tiny']) {
    const model = await startSpec(spec);
    await assertForkGoesOn(t, model);
    model.dispose();
  }
});

test.serial('the state is one matrix a value head and the inputs of the convolutions, at every position', async (t) => {
  for (const spec of SPECS) {
    const model = await startSpec(spec);
    for (const length of [1, 70]) {
      const { state } = model.forward(randomIds(2, length), model.initialState(2));
      t.is(bytesOf(state.layers), model.stateBytes(2, length), spec);
    }
    model.dispose();
  }
});

const deltaNet = { model_type: 'delta_net', vocab_size: 257, hidden_size: 64, num_hidden_layers: 2, num_heads: 2 };
const gatedDeltaNet = { ...deltaNet, model_type: 'gated_deltanet', head_dim: 32, expand_v: 1 };

/** The largest difference between the hidden states of two models with the same seeded weights. */
async function difference(...models: Parameters<typeof startConfig>[]): Promise<number> {
  const [one, other] = await Promise.all(
    models.map(async (arguments_) => {
      const model = await startConfig(...arguments_);
      const hidden = await model.forward(randomIds(2, 100)).hidden.data();
      model.dispose();
      return hidden;
    }),
  );
  return largestDifference(one!, other!);
}

test.serial('Gated DeltaNet without decay is DeltaNet with a gate', async (t) => {
  const gated = { ...deltaNet, use_gate: true };
  t.true((await difference([gated], [gatedDeltaNet, { A_log: () => -80 }])) < 1e-5);
  t.true((await difference([gated], [gatedDeltaNet])) > 1e-3);
  t.true((await difference([deltaNet], [{ ...gatedDeltaNet, use_gate: false }, { A_log: () => -80 }])) < 1e-5);
});

test.serial('convolutions that pass the current token on are none', async (t) => {
  const passing = (i: number) => (i % 4 === 3 ? 1 : 0);
  t.true((await difference([deltaNet, { 'conv1d.weight': passing }], [{ ...deltaNet, use_short_conv: false }])) < 1e-6);
});

test.serial(
  'rates: a half where b_proj is zero, twice that with negative eigenvalues, which is 1 as without b_proj',
  async (t) => {
    const zero = { 'b_proj.weight': () => 0 };
    const fixed = { ...deltaNet, use_beta: false };
    t.true((await difference([{ ...deltaNet, allow_neg_eigval: true }, zero], [fixed])) < 1e-6);
    t.true((await difference([deltaNet, zero], [fixed])) > 1e-4);
  },
);

async function shapeOf(spec: string) {
  const parsed = parseModelSpec(spec);
  if (parsed.kind !== 'baseline') throw new Error(`${spec} names no baseline`);
  const { config: raw } = await configureBaseline(parsed);
  const config = normaliseConfig(raw, spec);
  const state = familyOf(config).createMixer(config, 0).stateBytes(1, 4096) / 4;
  return { millions: (parameterCount(config) / 1e6).toFixed(1), state };
}

for (const [spec, millions, state] of [
  ['delta_net:340m', '341.6', 131_072 + 3 * 3072],
  ['delta_net:340m,tied=false', '374.4', 131_072 + 3 * 3072],
  ['gated_deltanet:340m', '347.1', 196_608 + 3 * 3072],
  ['gated_deltanet:340m-flame', '479.5', 786_432 + 3 * (2 * 1536 + 3072)],
  ['gated_deltanet:340m-flame,tied=false', '512.3', 786_432 + 3 * (2 * 1536 + 3072)],
  ['gated_deltanet:340m-flame,hidden=768,intermediate_size=2048,tied=false', '347.2', 786_432 + 3 * (2 * 1536 + 3072)],
] as const)
  test(`${spec} has ${millions}M parameters and a state of ${state} numbers a layer`, async (t) => {
    t.deepEqual(await shapeOf(spec), { millions, state });
  });

const read = (keys: RawConfig) => normaliseConfig(keys, 'dir/config.json') as ModelConfig & DeltaNetConfig;

test('keys that a config.json leaves out have the defaults of its class', (t) => {
  const minimal = { vocab_size: 32000, hidden_size: 2048 };
  const common = { intermediateSize: 5632, normEps: 1e-6, convolutionTaps: 4, negativeEigenvalues: false };
  t.like(read({ ...minimal, model_type: 'delta_net' }), {
    ...common,
    layers: 24,
    heads: 16,
    keyDim: 128,
    valueDim: 128,
    decay: false,
    learnedRate: true,
    outputGate: false,
  });
  t.like(read({ ...minimal, model_type: 'gated_deltanet' }), {
    ...common,
    layers: 21,
    heads: 6,
    valueHeads: 6,
    keyDim: 256,
    valueDim: 512,
    decay: true,
    outputGate: true,
  });
});

for (const [keys, message] of [
  [{ ...deltaNet, qk_norm: 'sum' }, '"qk_norm" is "sum", expected l2'],
  [{ ...deltaNet, qk_activation: 'elu' }, '"qk_activation" is "elu", expected silu'],
  [{ ...deltaNet, num_heads: 3 }, '"expand_k" is 1: 64 channels do not divide into 3 heads'],
  [{ ...deltaNet, conv_bias: true }, '"conv_bias" is true, a setting that is not supported'],
  [{ ...gatedDeltaNet, expand_v: 1.01 }, '"expand_v" is 1.01: 32.32 is no size of a head'],
  [{ ...gatedDeltaNet, num_v_heads: 3 }, '3 value heads cannot share 2 query and key heads evenly'],
] as const)
  test(`refused: ${message}`, (t) => {
    t.throws(() => read(keys), { instanceOf: UserError, message: `config.json: ${message}` });
  });

test('old files of Gated DeltaNet may hold D, which nothing reads; those of DeltaNet may not', (t) => {
  const locate = (raw: RawConfig) => {
    const config = read(raw);
    const parameters = modelParameters(config);
    const stored = new Map(parameters.map(({ name, shape }) => [name, { shape }]));
    stored.set('model.layers.0.attn.D', { shape: [2] });
    return locateParameters(parameters, stored, config, 'model.safetensors').size - parameters.length;
  };
  t.is(locate(gatedDeltaNet), 0);
  t.throws(() => locate(deltaNet), { instanceOf: UserError, message: /holds model.layers.0.attn.D/ });
});
