import test from 'ava';
import { normaliseConfig } from '../../src/models/checkpoint/normalise-config.js';
import { nativeName } from '../../src/models/checkpoint/parameter-names.js';
import { modelParameters, parameterCount } from '../../src/models/checkpoint/parameters.js';
import type { RawConfig } from '../../src/models/define-baseline.js';
import { familyOf } from '../../src/models/families.js';
import { configureBaseline } from '../../src/models/registry.js';
import { UserError } from '../../src/user-error.js';
import { assertFormsAgree, assertForkGoesOn, bytesOf, randomIds, startSpec } from './forms-agree.js';

const MAMBA_BACKBONE = 'ttt:tiny,gate=true,share_qk=true,pre_conv=true';

for (const spec of [
  'ttt:tiny',
  MAMBA_BACKBONE,
  'ttt:tiny,layers=1,mini_batch=1',
  'ttt:tiny,layers=1,mini_batch=7,base_lr=2',
])
  test.serial(`${spec}: the step form and the form in two pieces agree with the parallel form`, async (t) => {
    const model = await startSpec(spec);
    await assertFormsAgree(t, model);
    model.dispose();
  });

test.serial('a forked state goes on as its row did, within a mini-batch and between two', async (t) => {
  for (const spec of [MAMBA_BACKBONE, 'ttt:tiny,mini_batch=8']) {
    const model = await startSpec(spec);
    await assertForkGoesOn(t, model);
    model.dispose();
  }
});

test.serial('the state is a linear model a head, twice that within a mini-batch, and the convolutions', async (t) => {
  for (const [spec, inputs] of [
    ['ttt:tiny', 0],
    [MAMBA_BACKBONE, 2 * 3 * 64],
  ] as const) {
    const model = await startSpec(spec);
    for (const length of [1, 15, 16, 17, 48]) {
      const { state } = model.forward(randomIds(2, length), model.initialState(2));
      t.is(bytesOf(state.layers), model.stateBytes(2, length));
    }
    t.is(model.stateBytes(1, 64), 2 * 4 * (4 * (16 * 16 + 16) + inputs));
    t.is(model.stateBytes(1, 65), 2 * 4 * (4 * 2 * (16 * 16 + 16) + inputs));
    model.dispose();
  }
});

test('the 340m size has 337.3M parameters and 66,560 numbers of state a layer', async (t) => {
  const { config: raw } = await configureBaseline({ kind: 'baseline', name: 'ttt', size: '340m', overrides: {} });
  const config = normaliseConfig(raw, 'config.json');
  t.is((parameterCount(config) / 1e6).toFixed(1), '337.3');
  t.is(((parameterCount(config) - 32000 * 1024) / 1e6).toFixed(1), '304.5');
  t.is(familyOf(config).createMixer(config, 0).stateBytes(1, 4096), 4 * 66_560);
});

const tiny = {
  model_type: 'ttt',
  vocab_size: 8,
  hidden_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 12,
};
const read = (keys: RawConfig) => normaliseConfig({ ...tiny, ...keys }, 'dir/config.json');

test("the official implementation's defaults: a tied head, mini-batches of 16, no gate, no convolutions", (t) => {
  t.like(read({}), { tied: true, miniBatch: 16, baseRate: 1, gate: false, sharedQk: false, preConvolution: false });
  t.is(read({ ttt_layer_type: 'linear', scan_checkpoint_group_size: 4 }).layers, 1);
});

test('tensors have the names of the official implementation', (t) => {
  const names = modelParameters(read({ use_gate: true, share_qk: true, pre_conv: true })).map(({ name }) =>
    nativeName(name, 'ttt'),
  );
  const mixer = names
    .filter((name) => name.includes('.seq_modeling_block.'))
    .map((name) => name.split('.').slice(4).join('.'));
  t.deepEqual(names.filter((name) => !name.includes('.seq_modeling_block.')).sort(), [
    'model.embed_tokens.weight',
    'model.layers.0.conv.conv.bias',
    'model.layers.0.conv.conv.weight',
    'model.layers.0.conv.norm.weight',
    'model.layers.0.ffn_norm.weight',
    'model.layers.0.mlp.down_proj.weight',
    'model.layers.0.mlp.gate_proj.weight',
    'model.layers.0.mlp.up_proj.weight',
    'model.layers.0.seq_norm.weight',
    'model.norm.weight',
  ]);
  t.deepEqual(mixer.sort(), [
    'W1',
    'b1',
    'conv_k.bias',
    'conv_k.weight',
    'conv_q.bias',
    'conv_q.weight',
    'g_proj.weight',
    'learnable_token_idx',
    'learnable_ttt_lr_bias',
    'learnable_ttt_lr_weight',
    'o_proj.weight',
    'post_norm.bias',
    'post_norm.weight',
    'q_proj.weight',
    'ttt_norm_bias',
    'ttt_norm_weight',
    'v_proj.weight',
  ]);
});

for (const [keys, complaint] of [
  [{ ttt_layer_type: 'mlp' }, /"ttt_layer_type" is "mlp", expected linear$/],
  [{ num_attention_heads: 3 }, /a hidden size of 16 does not divide into 3 heads of even size$/],
  [{ num_attention_heads: 16 }, /a hidden size of 16 does not divide into 16 heads of even size$/],
  [{ num_key_value_heads: 1 }, /"num_key_value_heads" is 1, a setting that is not supported$/],
  [{ mini_batch_size: 0 }, /"mini_batch_size" is 0, expected a positive integer$/],
  [{ hidden_act: 'gelu' }, /"hidden_act" is "gelu", expected silu or swish$/],
] as const)
  test(`${JSON.stringify(keys)} is refused`, (t) => {
    t.throws(() => read(keys as unknown as RawConfig), { instanceOf: UserError, message: complaint });
  });
