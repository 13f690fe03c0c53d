// The families whose mixer is attention: the SWAT authors' fork and flash-linear-attention's `transformer`, transformers'
// `llama` and `mistral`. What their config.json says is read by attention-config.ts.
import type { ModelConfig } from '../checkpoint/model-config.js';
import { CANONICAL, defineFamily, NORM_FIRST, type Renames } from '../family.js';
import { ATTENTION_CONFIGS } from './attention-config.js';
import { Attention, type AttentionConfig } from './attention.js';

/** transformers' Llama and Mistral. */
const LLAMA: Renames = [
  ['model.embeddings.', 'model.embed_tokens.'],
  ['.attn_norm.', '.input_layernorm.'],
  ['.attn.', '.self_attn.'],
  ['.mlp_norm.', '.post_attention_layernorm.'],
];

const createMixer = (config: ModelConfig & AttentionConfig) => new Attention(config);

export const swat = defineFamily({
  layouts: [CANONICAL, NORM_FIRST],
  readConfig: ATTENTION_CONFIGS.swat,
  createMixer,
});

export const transformer = defineFamily({
  layouts: [CANONICAL, NORM_FIRST],
  readConfig: ATTENTION_CONFIGS.transformer,
  createMixer,
});

export const llama = defineFamily({
  layouts: [LLAMA],
  readConfig: ATTENTION_CONFIGS.llama,
  createMixer,
});

export const mistral = defineFamily({
  layouts: [LLAMA],
  readConfig: ATTENTION_CONFIGS.mistral,
  createMixer,
});
