// Mamba: a selective state-space model (Gu & Dao 2023). Twice as many layers as a Transformer of its size, since its blocks
// have no feed-forward; the 340M shape is the common one, and the 760M shape has a Transformer's width and twice its layers.
import { mixerOnlyCost, numberOf, shortConvolution, sumOf, weights, type MixerCost } from '../../src/models/cost.js';
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
  reference: { source: 'flash-linear-attention bc3b101d', golden: ['mamba'] },
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
  cost: (config) => mixerOnlyCost(config, mixer(config)),
});

function mixer(config: RawConfig): MixerCost {
  const hidden = numberOf(config, 'hidden_size');
  const inner = hidden * numberOf(config, 'expand');
  const stateSize = numberOf(config, 'state_size');
  const rank = Math.ceil(hidden / 16);
  const steps = inner * (rank + 2 * stateSize) + inner * (rank + 1);
  return sumOf(
    weights(3 * hidden * inner + inner + steps + inner * (stateSize + 1)), // the convolution's bias; A_log and D
    shortConvolution(inner, numberOf(config, 'conv_kernel')),
    scan(inner, stateSize),
  );
}

/** About nine operations a state in either form: decay and input of the step, their sum with the state, the product with C. */
function scan(inner: number, stateSize: number): MixerCost {
  return { parameters: 0, flops: () => 9 * inner * stateSize, state: () => inner * stateSize };
}
