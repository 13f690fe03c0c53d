// TTT-Linear: a hidden state that is a linear model and learns while it reads (Sun et al. 2024). Shapes are the official
// implementation's 350m and 760m, on the Transformer backbone; `gate`, `share_qk` and `pre_conv` together are its Mamba backbone.
import { numberOf, shortConvolution, sumOf, transformerCost, weights, type MixerCost } from '../../src/models/cost.js';
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
  reference: { source: 'test-time-training/ttt-lm-pytorch', golden: ['ttt-linear', 'ttt-linear-gate-conv'] },
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
  cost: (config) => transformerCost(config, mixer(config)),
});

function mixer(config: RawConfig): MixerCost {
  const hidden = numberOf(config, 'hidden_size');
  const heads = numberOf(config, 'num_attention_heads');
  const miniBatch = numberOf(config, 'mini_batch_size');
  const taps = numberOf(config, 'conv_kernel', 4);
  const projections = (config.share_qk === true ? 3 : 4) + (config.use_gate === true ? 1 : 0);
  const rates = heads * (hidden + 1) + miniBatch;
  const norms = 2 * hidden + 2 * hidden; // of every head and of the output, with biases
  return sumOf(
    weights(projections * hidden ** 2 + rates + norms),
    ...(config.share_qk === true ? [convolution(hidden, taps), { ...convolution(hidden, taps), state: () => 0 }] : []),
    ...(config.pre_conv === true ? [weights(hidden), convolution(hidden, taps)] : []),
    learner(heads, hidden / heads, miniBatch),
  );
}

/** With a bias. q and k are convolutions of one input, whose last tokens are kept once. */
function convolution(channels: number, taps: number): MixerCost {
  return sumOf(weights(channels), shortConvolution(channels, taps));
}

/** W and b, which the sequence starts with; within a mini-batch also their gradients up to here. */
function learner(heads: number, dim: number, miniBatch: number): MixerCost {
  const size = heads * dim * (dim + 1);
  return {
    parameters: size,
    flops: (work) =>
      work.kind === 'decode' ? 8 * heads * dim ** 2 : 6 * heads * dim * (dim + Math.min(miniBatch, work.length)),
    state: (position) => (position % miniBatch === 0 ? 1 : 2) * size,
  };
}
