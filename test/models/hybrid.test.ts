import test from 'ava';
import { normaliseConfig } from '../../src/models/checkpoint/normalise-config.js';
import { modelParameters } from '../../src/models/checkpoint/parameters.js';
import type { RawConfig } from '../../src/models/define-baseline.js';
import { UserError } from '../../src/user-error.js';
import { assertFormsAgree, assertForkGoesOn, bytesOf, randomIds } from './forms-agree.js';
import { startConfig } from './start-config.js';

const pure = {
  model_type: 'gated_deltanet',
  vocab_size: 257,
  hidden_size: 64,
  num_hidden_layers: 3,
  num_heads: 2,
  head_dim: 24,
  intermediate_size: 96,
};
const windowed = { layers: [1], num_heads: 4, num_kv_heads: 2, qkv_bias: true, window_size: 16, rope_theta: 10000 };
const hybrid = (attn: RawConfig[string]): RawConfig => ({ ...pure, attn });

test.serial('a stack with windowed attention in one layer: step, two pieces and parallel form agree', async (t) => {
  const model = await startConfig(hybrid(windowed));
  await assertFormsAgree(t, model);
  await assertForkGoesOn(t, model);
  model.dispose();
});

test.serial('a stack with full attention in its last layers: step, two pieces and parallel form agree', async (t) => {
  const model = await startConfig(hybrid({ layers: [1, 2], num_heads: 4 }));
  await assertFormsAgree(t, model, [1, 17, 65]);
  const { state } = model.forward(randomIds(2, 20), model.initialState(2));
  t.is(bytesOf(state.layers), model.stateBytes(2, 20));
  model.dispose();
});

/** Shapes of a layer's mixer, by name. */
const shapes = (raw: RawConfig, layer: number) =>
  Object.fromEntries(
    modelParameters(normaliseConfig(raw, 'config.json'))
      .filter(({ name }) => name.startsWith(`model.layers.${layer}.attn.`))
      .map(({ name, shape }) => [name.slice(`model.layers.${layer}.attn.`.length), shape]),
  );

test('listed layers have the parameters of attention, the others those of the family', (t) => {
  t.deepEqual(shapes(hybrid(windowed), 1), {
    'q_proj.weight': [64, 64],
    'q_proj.bias': [64],
    'k_proj.weight': [32, 64],
    'k_proj.bias': [32],
    'v_proj.weight': [32, 64],
    'v_proj.bias': [32],
    'o_proj.weight': [64, 64],
  });
  for (const layer of [0, 2]) t.deepEqual(shapes(hybrid(windowed), layer), shapes(pure, layer));
});

for (const family of ['retnet', 'gla', 'gsa', 'delta_net', 'gated_deltanet'])
  test(`${family} takes layers of attention`, (t) => {
    const trunk = { model_type: family, vocab_size: 257, hidden_size: 64, num_hidden_layers: 2, num_heads: 2 };
    const mixed = { ...trunk, attn: { layers: [1], num_heads: 4 } };
    t.deepEqual(shapes(mixed, 0), shapes(trunk, 0));
    t.deepEqual(Object.keys(shapes(mixed, 1)), ['q_proj.weight', 'k_proj.weight', 'v_proj.weight', 'o_proj.weight']);
  });

test('no list, and an empty one, are the family alone', (t) => {
  for (const attn of [null, { layers: [], num_heads: 4 }, []])
    for (const layer of [0, 1, 2]) t.deepEqual(shapes(hybrid(attn), layer), shapes(pure, layer));
});

test('a list of settings gives layers attention of different kinds', (t) => {
  const raw = hybrid([windowed, { layers: [2], num_heads: 2 }]);
  t.deepEqual(shapes(raw, 1)['k_proj.weight'], [32, 64]);
  t.deepEqual(Object.keys(shapes(raw, 2)), ['q_proj.weight', 'k_proj.weight', 'v_proj.weight', 'o_proj.weight']);
  t.deepEqual(shapes(raw, 2)['k_proj.weight'], [64, 64]);
});

for (const [what, attn, message] of [
  ['a layer that is not there', { ...windowed, layers: [3] }, '"attn.layers" names layer 3, and the layers are 0 to 2'],
  ['a negative layer', { ...windowed, layers: [-1] }, '"attn.layers" names layer -1, and the layers are 0 to 2'],
  ['a layer named twice', [windowed, { ...windowed, layers: [0, 1] }], '"attn.layers" names layer 1 twice'],
  ['no layers', { num_heads: 4 }, '"attn.layers" is missing, expected a list of layer indices'],
  ['no heads', { layers: [1] }, '"attn.num_heads" is missing, expected a positive integer'],
  ['a window of 0', { ...windowed, window_size: 0 }, '"attn.window_size" is 0, expected a positive integer'],
  ['heads that do not divide', { layers: [1], num_heads: 3 }, 'a hidden size of 64 does not divide into 3 heads'],
  ['a setting that is not supported', { ...windowed, qk_norm: true }, /^config\.json: "attn" is .*"qk_norm"/],
] as const)
  test(`${what} is refused`, (t) => {
    const expected = typeof message === 'string' ? `config.json: ${message}` : message;
    t.throws(() => normaliseConfig(hybrid(attn as unknown as RawConfig[string]), 'dir/config.json'), {
      instanceOf: UserError,
      message: expected,
    });
  });

test('families that are attention already take no such list', (t) => {
  const raw = { model_type: 'transformer', vocab_size: 257, hidden_size: 64, num_hidden_layers: 2, num_heads: 2 };
  t.throws(() => normaliseConfig({ ...raw, attn: windowed }, 'dir/config.json'), {
    instanceOf: UserError,
    message: /"attn" is .*, a setting that is not supported/,
  });
});
