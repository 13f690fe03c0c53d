// Mamba: a selective state-space model (Gu & Dao 2023). Twice as many layers as a Transformer of its size, since its blocks
// have no feed-forward; the 340M shape is the common one, and the 760M shape has a Transformer's width and twice its layers.
import { modelCost, numberOf, shortConvolution, sumOf, weights, type MixerCost } from '../../src/models/cost.js';
import { defineBaseline, type RawConfig } from '../../src/models/define-baseline.js';

const common = {
  model_type: 'mamba',
  norm_eps: 1e-5,
  state_size: 16,
  expand: 2,
  conv_kernel: 4,
  tie_word_embeddings: true,
};

export default defineBaseline({
  name: 'mamba',
  label: 'Mamba',
  description: 'selective state-space model: a gated scan in every block, no attention and no feed-forward',
  paper: 'https://arxiv.org/abs/2312.00752',
  reference: { source: 'flash-linear-attention', golden: ['mamba'] },
  sizes: {
    tiny: { ...common, hidden_size: 64, num_hidden_layers: 4, max_position_embeddings: 1024 },
    '340m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1024,
      num_hidden_layers: 48,
      max_position_embeddings: 8192,
    },
    '760m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1536,
      num_hidden_layers: 48,
      max_position_embeddings: 8192,
    },
  },
  aliases: {
    vocab: 'vocab_size',
    hidden: 'hidden_size',
    layers: 'num_hidden_layers',
    states: 'state_size',
    tied: 'tie_word_embeddings',
    max_length: 'max_position_embeddings',
    std: 'initializer_range',
  },
  cost: (config) => modelCost(config, mixer(config), null),
});

function mixer(config: RawConfig): MixerCost {
  const hidden = numberOf(config, 'hidden_size');
  const channels = hidden * numberOf(config, 'expand');
  const states = numberOf(config, 'state_size');
  const stepRank = Math.ceil(hidden / 16);
  const projections = 3 * hidden * channels + channels * (2 * stepRank + 2 * states);
  const vectors = 3 * channels; // biases of the convolution and of the step, D
  return sumOf(
    weights(projections + vectors + channels * states),
    shortConvolution(channels, numberOf(config, 'conv_kernel')),
    { parameters: 0, flops: () => 9 * channels * states, state: () => channels * states },
  );
}
