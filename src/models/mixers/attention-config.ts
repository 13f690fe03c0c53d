// What the config.json of a model of attention says: the SWAT authors' fork and flash-linear-attention's `transformer`,
// transformers' `llama` and `mistral`. Without a tensor, so that tables can tell what a model is from the record of its run.
import { z } from 'zod';
import {
  boolean,
  configError,
  or,
  positiveInteger,
  positiveNumber,
  readKeys,
  sameSetting,
  statedRopeTheta,
  trunk,
  trunkKeys,
} from '../checkpoint/config-keys.js';
import { flaKeys, flaTrunk } from '../checkpoint/fla-keys.js';
import type { ModelConfig } from '../checkpoint/model-config.js';
import { alibiSlopes } from '../checkpoint/slopes.js';
import type { AttentionConfig } from './attention.js';

/** flash-linear-attention builds its q and k norms with RMSNorm's own default, not with `norm_eps`. */
const QK_NORM_EPS = 1e-5;

const transformerKeys = flaKeys.extend({
  num_heads: positiveInteger,
  num_kv_heads: positiveInteger.nullish(),
  window_size: positiveInteger.nullish(),
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

/** A reader for each `model_type`. @throws UserError 'data' for a key that is wrong or not known. */
export const ATTENTION_CONFIGS = {
  swat: (raw: unknown, file: string) => {
    const keys = readKeys(swatKeys, raw, file);
    const base = flaAttention('swat', keys, file);
    return checkedHeads(
      {
        ...base,
        activation: keys.attention_activation,
        slopes: keys.alibi_slopes === undefined ? alibiSlopes(base.heads, 'balanced', 'code') : keys.alibi_slopes,
        ropeTheta: keys.use_rope ? base.ropeTheta : null,
      },
      file,
    );
  },
  transformer: (raw: unknown, file: string) =>
    checkedHeads(flaAttention('transformer', readKeys(transformerKeys, raw, file), file), file),
  llama: (raw: unknown, file: string) => checkedHeads(llamaLike('llama', readKeys(llamaKeys, raw, file)), file),
  mistral: (raw: unknown, file: string) => checkedHeads(llamaLike('mistral', readKeys(mistralKeys, raw, file)), file),
} as const;

/** flash-linear-attention's names. No rope_theta means 10,000, `null` means no rotary embedding. */
function flaAttention(
  modelType: string,
  keys: z.infer<typeof transformerKeys>,
  file: string,
): ModelConfig & AttentionConfig {
  const theta = statedRopeTheta(keys);
  return {
    ...flaTrunk(modelType, keys, file),
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
function llamaLike(modelType: string, keys: z.infer<typeof llamaLikeKeys>): ModelConfig & AttentionConfig {
  return {
    ...trunk(modelType, keys),
    intermediateSize: keys.intermediate_size,
    mlpBias: keys.mlp_bias,
    normEps: keys.rms_norm_eps,
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

/** @throws UserError 'data' where heads, head size and slopes do not go together. */
export function checkedHeads(config: ModelConfig & AttentionConfig, file: string): ModelConfig & AttentionConfig {
  const { hiddenSize, heads, kvHeads, headDim, ropeTheta, slopes } = config;
  if (!Number.isInteger(headDim))
    throw configError(file, `a hidden size of ${hiddenSize} does not divide into ${heads} heads`);
  if (heads % kvHeads !== 0) throw configError(file, `${heads} heads cannot share ${kvHeads} key-value heads evenly`);
  if (ropeTheta !== null && headDim % 2 !== 0)
    throw configError(file, `a rotary embedding needs an even head size, and this one is ${headDim}`);
  if (slopes !== null && slopes.length !== heads)
    throw configError(file, `"alibi_slopes" has ${slopes.length} slopes for ${heads} heads`);
  return config;
}
