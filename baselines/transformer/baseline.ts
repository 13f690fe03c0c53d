// Transformer++: the Llama-type decoder that the paper's tables compare with (Touvron et al. 2023): softmax attention,
// RoPE, RMSNorm, SwiGLU. Shapes as flash-linear-attention's transformer of that size.
import { attention, transformerCost } from '../../src/models/cost.js';
import { defineBaseline } from '../../src/models/define-baseline.js';

const common = { model_type: 'transformer', norm_eps: 1e-6, rope_theta: 10000, tie_word_embeddings: true };

export default defineBaseline({
  name: 'transformer',
  label: 'Transformer++',
  description: 'Llama-type decoder: full (or windowed) softmax attention with RoPE',
  paper: 'https://arxiv.org/abs/2302.13971',
  reference: { source: 'transformers 5.17, LlamaForCausalLM', golden: ['transformer'] },
  sizes: {
    tiny: {
      ...common,
      hidden_size: 64,
      num_hidden_layers: 2,
      num_heads: 4,
      intermediate_size: 192,
      max_position_embeddings: 1024,
    },
    '340m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1024,
      num_hidden_layers: 24,
      num_heads: 16,
      intermediate_size: 2816,
      max_position_embeddings: 8192,
    },
    '760m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1536,
      num_hidden_layers: 24,
      num_heads: 16,
      intermediate_size: 4096,
      max_position_embeddings: 8192,
    },
  },
  aliases: {
    vocab: 'vocab_size',
    hidden: 'hidden_size',
    layers: 'num_hidden_layers',
    heads: 'num_heads',
    kv_heads: 'num_kv_heads',
    window: 'window_size',
    tied: 'tie_word_embeddings',
    max_length: 'max_position_embeddings',
    std: 'initializer_range',
  },
  cost: (config) => transformerCost(config, attention(config)),
});
