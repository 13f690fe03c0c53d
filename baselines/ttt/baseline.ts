// TTT-Linear: a hidden state that is a linear model and learns while it reads (Sun et al. 2024). The shapes are the official
// implementation's `350m`, called 340m here as the other baselines are, and `760m`, on the Transformer backbone; `gate`,
// `share_qk` and `pre_conv` together are its Mamba backbone.
import { modelCost, numberOf, sumOf, weights, type MixerCost } from '../../src/models/cost.js';
import { defineBaseline, type RawConfig } from '../../src/models/define-baseline.js';

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

export default defineBaseline({
  name: 'ttt',
  label: 'TTT-Linear',
  description: 'test-time training: a linear model as hidden state, one gradient step a mini-batch of 16 tokens',
  paper: 'https://arxiv.org/abs/2407.04620',
  reference: { source: 'test-time-training/ttt-lm-pytorch', golden: ['ttt-linear', 'ttt-linear-gate-conv'] },
  sizes: {
    tiny: {
      ...common,
      hidden_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      intermediate_size: 192,
      max_position_embeddings: 1024,
    },
    '340m': {
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
  },
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
  cost: (config) => modelCost(config, mixer(config), numberOf(config, 'intermediate_size')),
});

/** The Transformer backbone; of the Mamba backbone's options, the gate. */
function mixer(config: RawConfig): MixerCost {
  const hidden = numberOf(config, 'hidden_size');
  const heads = numberOf(config, 'num_attention_heads');
  const miniBatch = numberOf(config, 'mini_batch_size');
  const dim = hidden / heads;
  const projections = (config.use_gate === true ? 5 : 4) * hidden ** 2;
  const rates = heads * (hidden + 1) + miniBatch;
  const learner = heads * dim * (dim + 1);
  return sumOf(weights(projections + rates + learner + 4 * hidden), {
    parameters: 0,
    flops: (work) => heads * (work.kind === 'decode' ? 8 * dim ** 2 : 6 * dim ** 2 + 6 * miniBatch * dim),
    // Inside a mini-batch the gradients that wait for its end, too.
    state: (position) => (position % miniBatch === 0 ? 1 : 2) * learner,
  });
}
