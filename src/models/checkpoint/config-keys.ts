// What the config.json of every family has in common: the trunk's keys, how keys are checked, and how a mistake is told.
// Truth: the configuration classes of flash-linear-attention and transformers, with their defaults. A key that would
// change the mathematics is computed or refused, never ignored.
import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../../user-error.js';

/**
 * Keys without a part in logits and loss: names, dropout, generation and training settings, and how the reference computes the
 * same thing. `norm_first` shows in the tensors' names. `fuse_*` and `_*` belong here too.
 */
const WITHOUT_EFFECT = new Set(
  `model_type architectures auto_map transformers_version dtype torch_dtype use_cache norm_first attention_dropout
  pad_token_id sep_token_id decoder_start_token_id pretraining_tp use_l2warp return_dict output_hidden_states output_attentions
  chunk_size_feed_forward attn_implementation id2label label2id num_labels problem_type finetuning_task task_specific_params
  tokenizer_class max_length min_length early_stopping do_sample temperature top_k top_p typical_p num_beams num_beam_groups
  diversity_penalty repetition_penalty length_penalty num_return_sequences is_llama_config transformers.js_config attn_mode
  chunk_size`.split(/\s+/),
);

export const positiveInteger = z.int('expected a positive integer').positive('expected a positive integer');
export const positiveNumber = z.number('expected a positive number').positive('expected a positive number');
export const boolean = z.boolean('expected true or false');
export const tokenId = z.int('expected a token id').nonnegative('expected a token id');
const rotary = z.strictObject(
  {
    rope_theta: positiveNumber.nullish(),
    rope_type: z.literal('default', "expected 'default'").nullish(),
    type: z.literal('default', "expected 'default'").nullish(),
    partial_rotary_factor: z.literal(1, 'expected 1').nullish(),
  },
  'expected the default rotary embedding: rope_theta, and rope_type default',
);

export const trunkKeys = z.looseObject({
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

/** Keys of the trunk that only attention reads: families without any omit them, so that they are refused. */
export const ATTENTION_KEYS = { head_dim: true, rope_theta: true, rope_parameters: true, rope_scaling: true } as const;

/** All of a configuration that does not depend on the family. */
export function trunk(modelType: string, keys: z.infer<typeof trunkKeys>) {
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

export function statedRopeTheta(keys: z.infer<typeof trunkKeys>): number | null | undefined {
  return (keys.rope_scaling ?? keys.rope_parameters)?.rope_theta ?? keys.rope_theta;
}

/** A setting that goes by two names. */
export function sameSetting<T>(
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

export function readKeys<S extends z.ZodObject>(schema: S, raw: unknown, file: string): z.infer<S> {
  const keys = parse(schema, raw, file);
  for (const [key, value] of Object.entries(raw as Record<string, unknown>))
    if (!(key in schema.shape) && !WITHOUT_EFFECT.has(key) && !/^(_|fuse_)/.test(key) && !isOff(value))
      throw configError(file, `"${key}" is ${show(value)}, a setting that is not supported`, {
        hint: `if it changes nothing in the model, remove it from ${path.basename(file)}`,
      });
  return keys;
}

/** Values by which config files say that they do not use a feature. */
export function isOff(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === null || value === false || value === 0 || value === '';
}

export function parse<S extends z.ZodType>(schema: S, raw: unknown, file: string): z.infer<S> {
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

/** null counts as absent, as in the reference classes. */
export function or<T>(schema: z.ZodType<T>, fallback: T) {
  return schema.nullish().transform((value) => value ?? fallback);
}

export function show(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

export function configError(file: string, message: string, details: { hint?: string } = {}): UserError {
  return new UserError('data', `${path.basename(file)}: ${message}`, { where: file, ...details });
}
