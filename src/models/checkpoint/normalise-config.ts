// config.json of the supported families -> ModelConfig. Truth: the configuration classes of flash-linear-attention
// (`transformer`; the SWAT authors' fork for `swat`) and of transformers (`llama`, `mistral`), with their defaults.
// A key that would change the mathematics is computed or refused, never ignored.
import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../../user-error.js';
import type { ModelConfig, ModelType } from './model-config.js';
import { alibiSlopes } from './slopes.js';

/** flash-linear-attention builds its q and k norms with RMSNorm's own default, not with `norm_eps`. */
const QK_NORM_EPS = 1e-5;

/**
 * Keys without a part in logits and loss: names, dropout, generation and training settings, and how the reference computes the
 * same thing. `norm_first` shows in the tensors' names. `fuse_*` and `_*` belong here too.
 */
const WITHOUT_EFFECT = new Set(
  `model_type architectures auto_map transformers_version dtype torch_dtype use_cache norm_first attention_dropout
  pad_token_id sep_token_id decoder_start_token_id pretraining_tp use_l2warp return_dict output_hidden_states output_attentions
  chunk_size_feed_forward attn_implementation id2label label2id num_labels problem_type finetuning_task task_specific_params
  tokenizer_class max_length min_length early_stopping do_sample temperature top_k top_p typical_p num_beams num_beam_groups
  diversity_penalty repetition_penalty length_penalty num_return_sequences is_llama_config transformers.js_config`.split(
    /\s+/,
  ),
);

const positiveInteger = z.int('expected a positive integer').positive('expected a positive integer');
const positiveNumber = z.number('expected a positive number').positive('expected a positive number');
const boolean = z.boolean('expected true or false');
const tokenId = z.int('expected a token id').nonnegative('expected a token id');
const rotary = z.strictObject(
  {
    rope_theta: positiveNumber.nullish(),
    rope_type: z.literal('default', "expected 'default'").nullish(),
    type: z.literal('default', "expected 'default'").nullish(),
    partial_rotary_factor: z.literal(1, 'expected 1').nullish(),
  },
  'expected the default rotary embedding: rope_theta, and rope_type default',
);

const trunkKeys = z.looseObject({
  vocab_size: positiveInteger,
  hidden_size: positiveInteger,
  num_hidden_layers: positiveInteger,
  head_dim: positiveInteger.nullish(),
  max_position_embeddings: or(positiveInteger, 2048),
  rope_theta: positiveNumber.nullish(),
  rope_parameters: rotary.nullish(),
  rope_scaling: rotary.nullish(),
  hidden_act: z.enum(['silu', 'swish'], 'expected silu or swish').nullish(),
  tie_word_embeddings: or(boolean, false),
  initializer_range: or(positiveNumber, 0.02),
  bos_token_id: tokenId.nullish(),
  eos_token_id: z.union([tokenId, z.array(tokenId)], 'expected a token id or a list of them').nullish(),
});

const transformerKeys = trunkKeys.extend({
  num_heads: positiveInteger,
  num_kv_heads: positiveInteger.nullish(),
  window_size: positiveInteger.nullish(),
  intermediate_size: positiveInteger.nullish(),
  hidden_ratio: or(positiveNumber, 4),
  norm_eps: positiveNumber.nullish(),
  rms_norm_eps: positiveNumber.nullish(),
  qkv_bias: boolean.nullish(),
  attention_bias: boolean.nullish(),
  qk_norm: or(boolean, false),
  elementwise_affine: z.literal(true, 'expected true').nullish(),
});

const swatKeys = transformerKeys.extend({
  use_rope: or(boolean, true),
  alibi_slopes: z.array(z.number('expected a finite number'), 'expected a list of numbers or null').nullish(),
  attention_activation: or(z.enum(['sigmoid', 'softmax'], 'expected sigmoid or softmax'), 'sigmoid'),
});

const llamaLikeKeys = trunkKeys.extend({
  num_attention_heads: positiveInteger,
  num_key_value_heads: positiveInteger.nullish(),
  intermediate_size: positiveInteger,
  rms_norm_eps: or(positiveNumber, 1e-6),
  attention_bias: or(boolean, false),
  mlp_bias: or(boolean, false),
  sliding_window: positiveInteger.nullish(),
});

const llamaKeys = llamaLikeKeys.extend({
  sliding_window: z.null('expected null: llama attends to everything, model_type mistral has a window').optional(),
});

const noBias = or(z.literal(false, 'expected false: mistral has no biases'), false);
const mistralKeys = llamaLikeKeys.extend({
  num_key_value_heads: positiveInteger.nullable().default(8),
  max_position_embeddings: or(positiveInteger, 131_072),
  attention_bias: noBias,
  mlp_bias: noBias,
  sliding_window: positiveInteger.nullable().default(4096),
});

const FAMILIES: Record<ModelType, (raw: unknown, file: string) => ModelConfig> = {
  swat(raw, file) {
    const keys = readKeys(swatKeys, raw, file);
    const base = transformer('swat', keys, file);
    return {
      ...base,
      activation: keys.attention_activation,
      slopes: keys.alibi_slopes === undefined ? alibiSlopes(base.heads, 'balanced', 'code') : keys.alibi_slopes,
      ropeTheta: keys.use_rope ? base.ropeTheta : null,
    };
  },
  transformer: (raw, file) => transformer('transformer', readKeys(transformerKeys, raw, file), file),
  llama: (raw, file) => llamaLike('llama', readKeys(llamaKeys, raw, file)),
  mistral: (raw, file) => llamaLike('mistral', readKeys(mistralKeys, raw, file)),
};

/**
 * `raw` is the parsed config.json, `file` what errors name.
 * @throws UserError 'data' naming the key and its value: missing, of the wrong kind, contradictory, or not supported.
 */
export function normaliseConfig(raw: unknown, file: string): ModelConfig {
  const { model_type: modelType } = parse(z.looseObject({ model_type: z.string('expected a string') }), raw, file);
  if (!isModelType(modelType))
    throw configError(file, `"model_type" is ${show(modelType)}, expected one of ${Object.keys(FAMILIES).join(', ')}`);
  const config = FAMILIES[modelType](raw, file);
  checkHeads(config, file);
  return config;
}

/** flash-linear-attention's names. No rope_theta means 10,000, `null` means no rotary embedding. */
function transformer(modelType: ModelType, keys: z.infer<typeof transformerKeys>, file: string): ModelConfig {
  const theta = statedRopeTheta(keys);
  return {
    ...trunk(modelType, keys),
    intermediateSize:
      keys.intermediate_size ?? 256 * Math.ceil(Math.trunc((keys.hidden_size * keys.hidden_ratio * 2) / 3) / 256),
    mlpBias: false,
    normEps: sameSetting(keys.norm_eps, keys.rms_norm_eps, '"norm_eps" and "rms_norm_eps"', file) ?? 1e-6,
    mixer: 'attention',
    activation: 'softmax',
    slopes: null,
    window: keys.window_size ?? null,
    ropeTheta: theta === undefined ? 10_000 : theta,
    heads: keys.num_heads,
    kvHeads: keys.num_kv_heads ?? keys.num_heads,
    headDim: keys.head_dim ?? keys.hidden_size / keys.num_heads,
    qkvBias: sameSetting(keys.qkv_bias, keys.attention_bias, '"qkv_bias" and "attention_bias"', file) ?? false,
    outputBias: false,
    qkNorm: keys.qk_norm ? { eps: QK_NORM_EPS } : null,
  };
}

/** transformers' names. Its window, as ours, counts the query's own key. */
function llamaLike(modelType: ModelType, keys: z.infer<typeof llamaLikeKeys>): ModelConfig {
  return {
    ...trunk(modelType, keys),
    intermediateSize: keys.intermediate_size,
    mlpBias: keys.mlp_bias,
    normEps: keys.rms_norm_eps,
    mixer: 'attention',
    activation: 'softmax',
    slopes: null,
    window: keys.sliding_window ?? null,
    ropeTheta: statedRopeTheta(keys) ?? 10_000,
    heads: keys.num_attention_heads,
    kvHeads: keys.num_key_value_heads ?? keys.num_attention_heads,
    headDim: keys.head_dim ?? keys.hidden_size / keys.num_attention_heads,
    qkvBias: keys.attention_bias,
    outputBias: keys.attention_bias,
    qkNorm: null,
  };
}

function trunk(modelType: ModelType, keys: z.infer<typeof trunkKeys>) {
  return {
    modelType,
    vocabularySize: keys.vocab_size,
    hiddenSize: keys.hidden_size,
    layers: keys.num_hidden_layers,
    tied: keys.tie_word_embeddings,
    maxLength: keys.max_position_embeddings,
    initializerRange: keys.initializer_range,
    bosTokenId: keys.bos_token_id ?? null,
    eosTokenIds: [keys.eos_token_id ?? []].flat(),
  };
}

function statedRopeTheta(keys: z.infer<typeof trunkKeys>): number | null | undefined {
  return (keys.rope_scaling ?? keys.rope_parameters)?.rope_theta ?? keys.rope_theta;
}

/** A setting that goes by two names. */
function sameSetting<T>(
  one: T | null | undefined,
  other: T | null | undefined,
  names: string,
  file: string,
): T | undefined {
  const [a, b] = [one ?? undefined, other ?? undefined];
  if (a !== undefined && b !== undefined && a !== b)
    throw configError(file, `${names} are the same setting, but one is ${show(a)} and the other ${show(b)}`);
  return a ?? b;
}

function checkHeads({ hiddenSize, heads, kvHeads, headDim, ropeTheta, slopes }: ModelConfig, file: string): void {
  if (!Number.isInteger(headDim))
    throw configError(file, `a hidden size of ${hiddenSize} does not divide into ${heads} heads`);
  if (heads % kvHeads !== 0) throw configError(file, `${heads} heads cannot share ${kvHeads} key-value heads evenly`);
  if (ropeTheta !== null && headDim % 2 !== 0)
    throw configError(file, `a rotary embedding needs an even head size, and this one is ${headDim}`);
  if (slopes !== null && slopes.length !== heads)
    throw configError(file, `"alibi_slopes" has ${slopes.length} slopes for ${heads} heads`);
}

function readKeys<S extends z.ZodObject>(schema: S, raw: unknown, file: string): z.infer<S> {
  const keys = parse(schema, raw, file);
  for (const [key, value] of Object.entries(raw as Record<string, unknown>))
    if (!(key in schema.shape) && !WITHOUT_EFFECT.has(key) && !/^(_|fuse_)/.test(key) && !isOff(value))
      throw configError(file, `"${key}" is ${show(value)}, a setting that is not supported`, {
        hint: `if it changes nothing in the model, remove it from ${path.basename(file)}`,
      });
  return keys;
}

/** Values by which config files say that they do not use a feature. */
function isOff(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === null || value === false || value === 0 || value === '';
}

function parse<S extends z.ZodType>(schema: S, raw: unknown, file: string): z.infer<S> {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const { path: keyPath, message } = result.error.issues[0]!;
  const value = keyPath.reduce<unknown>((container, key) => (container as Record<PropertyKey, unknown>)[key], raw);
  const where = keyPath.length === 0 ? 'it' : `"${keyPath.join('.')}"`;
  throw configError(
    file,
    value === undefined ? `${where} is missing, ${message}` : `${where} is ${show(value)}, ${message}`,
  );
}

function isModelType(name: string): name is ModelType {
  return Object.hasOwn(FAMILIES, name);
}

/** null counts as absent, as in the reference classes. */
function or<T>(schema: z.ZodType<T>, fallback: T) {
  return schema.nullish().transform((value) => value ?? fallback);
}

function show(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function configError(file: string, message: string, details: { hint?: string } = {}): UserError {
  return new UserError('data', `${path.basename(file)}: ${message}`, { where: file, ...details });
}
