// TTT-Linear: a hidden state that is a linear model and learns while it reads (Sun et al. 2024). Shapes are the official
// implementation's 350m and 760m, on the Transformer backbone; `gate`, `share_qk` and `pre_conv` together are its Mamba backbone.
import { defineBaseline } from '../../src/models/define-baseline.js';

const common = {
  model_type: 'ttt',
  ttt_layer_type: 'linear',
  ttt_base_lr: 1,
  mini_batch_size: 16,
  use_gate: false,
  share_qk: false,
  pre_conv: false,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  tie_word_embeddings: true,
};

const sizes = {
  tiny: {
    ...common,
    hidden_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    intermediate_size: 192,
    max_position_embeddings: 1024,
  },
  '350m': {
    ...common,
    vocab_size: 32000,
    hidden_size: 1024,
    num_hidden_layers: 24,
    num_attention_heads: 16,
    intermediate_size: 2736,
    max_position_embeddings: 8192,
  },
  '760m': {
    ...common,
    vocab_size: 32000,
    hidden_size: 1536,
    num_hidden_layers: 24,
    num_attention_heads: 16,
    intermediate_size: 4096,
    max_position_embeddings: 8192,
  },
};

export default defineBaseline({
  name: 'ttt',
  label: 'TTT-Linear',
  description: 'test-time training: a linear model as hidden state, one gradient step a mini-batch of 16 tokens',
  paper: 'https://arxiv.org/abs/2407.04620',
  // 340m is what the other baselines call the size.
  sizes: { ...sizes, '340m': sizes['350m'] },
  aliases: {
    vocab: 'vocab_size',
    hidden: 'hidden_size',
    layers: 'num_hidden_layers',
    heads: 'num_attention_heads',
    mini_batch: 'mini_batch_size',
    gate: 'use_gate',
    base_lr: 'ttt_base_lr',
    tied: 'tie_word_embeddings',
    max_length: 'max_position_embeddings',
    std: 'initializer_range',
  },
});
