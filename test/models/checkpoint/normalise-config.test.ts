import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { parsePythonJson } from '../../../src/models/checkpoint/config-json.js';
import type { ModelConfig } from '../../../src/models/checkpoint/model-config.js';
import type { AttentionConfig } from '../../../src/models/mixers/attention.js';
import { normaliseConfig } from '../../../src/models/checkpoint/normalise-config.js';
import { alibiSlopes } from '../../../src/models/checkpoint/slopes.js';
import { FAMILIES } from '../../../src/models/families.js';
import { UserError } from '../../../src/user-error.js';
import { goldenModel, tinyConfig } from './files.js';

const normalise = (raw: unknown) => normaliseConfig(raw, 'dir/config.json') as ModelConfig & AttentionConfig;
const swat = (keys: Record<string, unknown> = {}) => normalise({ ...tinyConfig, ...keys });
const fla = (keys: Record<string, unknown> = {}) => normalise({ ...tinyConfig, model_type: 'transformer', ...keys });

const llamaKeys = {
  model_type: 'llama',
  vocab_size: 128,
  hidden_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  intermediate_size: 176,
};
const llama = (keys: Record<string, unknown> = {}) => normalise({ ...llamaKeys, ...keys });

const golden: [folder: string, expected: object][] = [
  ['swat', { kvHeads: 4, window: 48, activation: 'sigmoid', slopes: [-0.5, -0.25, 0.5, 0.25], ropeTheta: 10000 }],
  ['swat-gqa', { kvHeads: 2, window: 33, activation: 'sigmoid', slopes: [-0.5, -0.25, 0.5, 0.25], ropeTheta: 10000 }],
  ['swat-minus', { kvHeads: 4, window: 48, activation: 'sigmoid', slopes: [-0.5, -0.25, -0.125, -0.0625] }],
  ['swat-plus', { kvHeads: 4, window: 48, activation: 'sigmoid', slopes: [0.5, 0.25, 0.125, 0.0625] }],
  ['swat-softmax-rope', { kvHeads: 4, window: 48, activation: 'softmax', slopes: null, ropeTheta: 10000 }],
  [
    'transformer',
    { modelType: 'llama', kvHeads: 2, window: null, activation: 'softmax', slopes: null, ropeTheta: 10000 },
  ],
];

for (const [folder, expected] of golden)
  test(`the config of the golden model ${folder} is read`, async (t) => {
    const directory = goldenModel(t, folder);
    if (directory === null) return;
    const file = path.join(directory, 'config.json');
    t.like(normaliseConfig(parsePythonJson(await readFile(file, 'utf8'), file), file), {
      vocabularySize: 128,
      hiddenSize: 64,
      layers: 2,
      intermediateSize: 176,
      heads: 4,
      headDim: 16,
      normEps: 1e-6,
      tied: false,
      maxLength: 2048,
      qkvBias: false,
      outputBias: false,
      mlpBias: false,
      qkNorm: null,
      ...expected,
    });
  });

test('the released SWAT 340M config has the defaults of its class: balanced slopes, MLP of 2,816, no biases', (t) => {
  const config = normalise({
    attention_bias: false,
    bos_token_id: 1,
    eos_token_id: 2,
    fuse_cross_entropy: true,
    fuse_norm: true,
    hidden_act: 'swish',
    hidden_size: 1024,
    initializer_range: 0.02,
    max_position_embeddings: 8192,
    model_type: 'swat',
    num_heads: 16,
    num_hidden_layers: 24,
    norm_eps: 1e-6,
    tie_word_embeddings: true,
    use_cache: true,
    vocab_size: 32000,
    window_size: 256,
  });
  t.deepEqual(config, {
    modelType: 'swat',
    vocabularySize: 32000,
    hiddenSize: 1024,
    layers: 24,
    intermediateSize: 2816,
    mlpBias: false,
    normEps: 1e-6,
    tied: true,
    maxLength: 8192,
    initializerRange: 0.02,
    bosTokenId: 1,
    eosTokenIds: [2],
    activation: 'sigmoid',
    slopes: alibiSlopes(16, 'balanced', 'code'),
    window: 256,
    ropeTheta: 10000,
    heads: 16,
    kvHeads: 16,
    headDim: 64,
    qkvBias: false,
    outputBias: false,
    qkNorm: null,
  });
});

test('slopes: a list is used as it is, null means none, no key the balanced code schedule', (t) => {
  t.deepEqual(swat({ alibi_slopes: [0.1, -3] }).slopes, [0.1, -3]);
  t.is(swat({ alibi_slopes: null }).slopes, null);
  t.deepEqual(swat().slopes, [2 ** -4, -(2 ** -4)]);
  t.is(fla().slopes, null);
});

test('RoPE: on by default, off by a null base or by use_rope', (t) => {
  t.is(swat().ropeTheta, 10000);
  t.is(swat({ rope_theta: 500000 }).ropeTheta, 500000);
  t.is(swat({ rope_theta: null }).ropeTheta, null);
  t.is(swat({ use_rope: false }).ropeTheta, null);
});

test('no window key means full attention for flash-linear-attention types', (t) => {
  t.is(fla({ window_size: null }).window, null);
  t.is(swat({ window_size: undefined }).window, null);
});

test('the MLP size follows from hidden_ratio where it is not given', (t) => {
  const size = (hidden: number, ratio?: number) =>
    fla({ hidden_size: hidden, hidden_ratio: ratio, intermediate_size: null }).intermediateSize;
  t.deepEqual([size(1024), size(1536), size(1024, 2), size(64)], [2816, 4096, 1536, 256]);
});

test('norm_eps and rms_norm_eps are the same setting, and so are qkv_bias and attention_bias', (t) => {
  t.is(swat({ rms_norm_eps: 1e-5 }).normEps, 1e-5);
  t.is(swat({ norm_eps: 1e-5 }).normEps, 1e-5);
  t.true(swat({ attention_bias: true }).qkvBias);
  t.like(swat({ qkv_bias: true }), { qkvBias: true, outputBias: false });
});

test('flash-linear-attention norms q and k with an epsilon of 1e-5 whatever norm_eps says', (t) => {
  t.deepEqual(fla({ qk_norm: true, norm_eps: 1e-6 }).qkNorm, { eps: 1e-5 });
});

test('a Llama config: biases, grouped heads, a head size of its own, list of end tokens', (t) => {
  const config = llama({
    attention_bias: true,
    mlp_bias: true,
    head_dim: 32,
    num_key_value_heads: 2,
    eos_token_id: [2, 3],
    rms_norm_eps: 1e-5,
  });
  t.like(config, { qkvBias: true, outputBias: true, mlpBias: true, headDim: 32, heads: 4, kvHeads: 2, normEps: 1e-5 });
  t.deepEqual(config.eosTokenIds, [2, 3]);
});

test('a Llama config gives the rotary base in rope_parameters, beside an empty rope_scaling, or not at all', (t) => {
  t.is(llama({ rope_parameters: { rope_theta: 500000, rope_type: 'default' } }).ropeTheta, 500000);
  t.is(llama({ rope_theta: 500000, rope_scaling: null }).ropeTheta, 500000);
  t.is(llama().ropeTheta, 10000);
});

test('a Mistral config has a window of 4,096 and 8 key-value heads unless it says otherwise', (t) => {
  const mistral = (keys: object) =>
    normalise({ ...llamaKeys, model_type: 'mistral', num_attention_heads: 16, ...keys });
  t.like(mistral({}), { window: 4096, kvHeads: 8, maxLength: 131072 });
  t.like(mistral({ sliding_window: null, num_key_value_heads: null }), { window: null, kvHeads: 16 });
  t.like(mistral({ sliding_window: 7 }), { window: 7 });
});

test('settings that say they are off, and names that mean nothing to the model, are passed over', (t) => {
  t.deepEqual(
    swat({
      attn: null,
      quantization_config: {},
      is_decoder: false,
      architectures: ['X'],
      fuse_swiglu: true,
      _foo: 1,
      top_k: 50,
    }),
    swat(),
  );
});

const mistakes: [what: string, config: () => unknown, message: string][] = [
  ['no model_type', () => normalise({}), '"model_type" is missing, expected a string'],
  [
    'another model_type',
    () => normalise({ model_type: 'gpt2' }),
    `"model_type" is "gpt2", expected one of ${Object.keys(FAMILIES).join(', ')}`,
  ],
  ['no object', () => normalise([1]), 'it is [1], Invalid input: expected object, received array'],
  ['no hidden size', () => swat({ hidden_size: undefined }), '"hidden_size" is missing, expected a positive integer'],
  ['a window of 0', () => swat({ window_size: 0 }), '"window_size" is 0, expected a positive integer'],
  ['a negative window', () => swat({ window_size: -1 }), '"window_size" is -1, expected a positive integer'],
  ['a fractional window', () => swat({ window_size: 1.5 }), '"window_size" is 1.5, expected a positive integer'],
  ['an epsilon that is no number', () => swat({ norm_eps: NaN }), '"norm_eps" is NaN, expected a positive number'],
  [
    'an infinite slope',
    () => swat({ alibi_slopes: [1, Infinity] }),
    '"alibi_slopes.1" is Infinity, expected a finite number',
  ],
  ['too few slopes', () => swat({ alibi_slopes: [1] }), '"alibi_slopes" has 1 slopes for 2 heads'],
  ['another activation', () => swat({ hidden_act: 'gelu' }), '"hidden_act" is "gelu", expected silu or swish'],
  [
    'another attention',
    () => swat({ attention_activation: 'relu' }),
    '"attention_activation" is "relu", expected sigmoid or softmax',
  ],
  ['hybrid layers', () => fla({ attn: { layers: [1] } }), '"attn" is {"layers":[1]}, a setting that is not supported'],
  [
    'attention residuals',
    () => fla({ attnres_block_size: 2 }),
    '"attnres_block_size" is 2, a setting that is not supported',
  ],
  [
    'quantisation',
    () => llama({ quantization_config: { bits: 4 } }),
    '"quantization_config" is {"bits":4}, a setting that is not supported',
  ],
  [
    'slopes for a type without',
    () => fla({ alibi_slopes: [1, 2] }),
    '"alibi_slopes" is [1,2], a setting that is not supported',
  ],
  [
    'Llama 3 rotary scaling',
    () => llama({ rope_scaling: { rope_type: 'llama3' } }),
    '"rope_scaling.rope_type" is "llama3", expected \'default\'',
  ],
  [
    'old linear scaling',
    () => llama({ rope_scaling: { type: 'linear', factor: 2 } }),
    '"rope_scaling.type" is "linear", expected \'default\'',
  ],
  [
    'a partial rotary embedding',
    () => llama({ rope_parameters: { partial_rotary_factor: 0.5 } }),
    '"rope_parameters.partial_rotary_factor" is 0.5, expected 1',
  ],
  [
    'a window for Llama',
    () => llama({ sliding_window: 9 }),
    '"sliding_window" is 9, expected null: llama attends to everything, model_type mistral has a window',
  ],
  [
    'biases for Mistral',
    () => llama({ model_type: 'mistral', num_key_value_heads: 2, attention_bias: true }),
    '"attention_bias" is true, expected false: mistral has no biases',
  ],
  [
    'heads that do not divide the hidden size',
    () => swat({ num_heads: 3 }),
    'a hidden size of 4 does not divide into 3 heads',
  ],
  [
    'key-value heads that do not divide the heads',
    () => llama({ num_key_value_heads: 3 }),
    '4 heads cannot share 3 key-value heads evenly',
  ],
  [
    'an odd head size with RoPE',
    () => swat({ head_dim: 3 }),
    'a rotary embedding needs an even head size, and this one is 3',
  ],
  [
    'two values for one setting',
    () => swat({ norm_eps: 1e-5, rms_norm_eps: 1e-6 }),
    '"norm_eps" and "rms_norm_eps" are the same setting, but one is 0.00001 and the other 0.000001',
  ],
];

for (const [what, config, message] of mistakes)
  test(`${what}: an error that names key and value`, (t) => {
    const error = t.throws(config, { instanceOf: UserError });
    t.is(error?.message, `config.json: ${message}`);
    t.is(error?.where, 'dir/config.json');
    t.is(error?.kind, 'data');
  });
