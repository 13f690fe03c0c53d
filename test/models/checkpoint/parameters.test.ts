import test from 'ava';
import { normaliseConfig } from '../../../src/models/checkpoint/normalise-config.js';
import { layerParameters, modelParameters, parameterCount } from '../../../src/models/checkpoint/parameters.js';
import { tinyConfig } from './files.js';

const config = (keys: object) => normaliseConfig({ ...tinyConfig, ...keys }, 'config.json');
const shape340M = {
  hidden_size: 1024,
  num_hidden_layers: 24,
  num_heads: 16,
  vocab_size: 32000,
  intermediate_size: null,
};

test('SWAT 340M has 341.10M parameters tied and 373.87M untied', (t) => {
  t.is(parameterCount(config({ ...shape340M, tie_word_embeddings: true })), 341_099_520);
  t.is(parameterCount(config(shape340M)), 341_099_520 + 32000 * 1024);
});

test('Transformer++ of the same shape has as many', (t) => {
  const keys = { ...shape340M, model_type: 'transformer', window_size: null, tie_word_embeddings: true };
  t.is((parameterCount(config(keys)) / 1e6).toFixed(1), '341.1');
});

test('grouped heads, biases and q/k norms give the shapes that the reference has', (t) => {
  const layer = layerParameters(
    config({ hidden_size: 8, num_heads: 4, num_kv_heads: 2, qkv_bias: true, qk_norm: true, intermediate_size: 5 }),
  );
  t.deepEqual(Object.fromEntries(layer.map(({ name, shape }) => [name, shape])), {
    'attn_norm.weight': [8],
    'attn.q_proj.weight': [8, 8],
    'attn.q_proj.bias': [8],
    'attn.k_proj.weight': [4, 8],
    'attn.k_proj.bias': [4],
    'attn.v_proj.weight': [4, 8],
    'attn.v_proj.bias': [4],
    'attn.o_proj.weight': [8, 8],
    'attn.q_norm.weight': [2],
    'attn.k_norm.weight': [2],
    'mlp_norm.weight': [8],
    'mlp.gate_proj.weight': [5, 8],
    'mlp.up_proj.weight': [5, 8],
    'mlp.down_proj.weight': [8, 5],
  });
});

test('a head size of its own makes the projections rectangular', (t) => {
  const layer = layerParameters(config({ head_dim: 6 }));
  t.deepEqual(layer.find(({ name }) => name === 'attn.q_proj.weight')?.shape, [12, 4]);
  t.deepEqual(layer.find(({ name }) => name === 'attn.o_proj.weight')?.shape, [4, 12]);
});

test('matrices decay, embeddings, norms and biases do not', (t) => {
  const decayed = modelParameters(config({ num_hidden_layers: 1, qkv_bias: true })).filter(({ decay }) => decay);
  t.deepEqual(
    decayed.map(({ name }) => name.replace('model.layers.0.', '')),
    [
      ...['attn.q_proj.weight', 'attn.k_proj.weight', 'attn.v_proj.weight', 'attn.o_proj.weight'],
      ...['mlp.gate_proj.weight', 'mlp.up_proj.weight', 'mlp.down_proj.weight', 'lm_head.weight'],
    ],
  );
});

test('matrices start normal, norms at one, biases at zero', (t) => {
  const kinds = new Map(
    modelParameters(config({ qkv_bias: true, initializer_range: 0.5 })).map((p) => [p.name, p.initialisation]),
  );
  t.deepEqual(kinds.get('model.embeddings.weight'), { kind: 'normal', std: 0.5 });
  t.deepEqual(kinds.get('model.layers.1.attn.q_proj.weight'), { kind: 'normal', std: 0.5 });
  t.deepEqual(kinds.get('model.layers.1.attn.q_proj.bias'), { kind: 'zeros' });
  t.deepEqual(kinds.get('model.norm.weight'), { kind: 'ones' });
});
