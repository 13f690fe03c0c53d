// DeltaNet: linear attention that corrects what its memory holds (Schlag et al. 2021; Yang et al. 2024), as in
// flash-linear-attention. The 340M shape is its delta_net_340M.json; at 760M, where none is published, heads of the same
// size in the common shape of that size.
import {
  deltaMemory,
  numberOf,
  shortConvolution,
  sumOf,
  transformerCost,
  weights,
  type MixerCost,
} from '../../src/models/cost.js';
import { defineBaseline, type RawConfig } from '../../src/models/define-baseline.js';

const common = {
  model_type: 'delta_net',
  norm_eps: 1e-6,
  expand_k: 1,
  expand_v: 1,
  use_short_conv: true,
  conv_size: 4,
  use_gate: false,
  allow_neg_eigval: false,
  tie_word_embeddings: true,
};

export default defineBaseline({
  name: 'delta_net',
  label: 'DeltaNet',
  description: 'delta rule over a matrix memory, short convolutions',
  paper: 'https://arxiv.org/abs/2406.06484',
  reference: { source: 'flash-linear-attention bc3b101d', golden: ['delta_net'] },
  sizes: {
    tiny: {
      ...common,
      hidden_size: 64,
      num_hidden_layers: 2,
      num_heads: 2,
      intermediate_size: 192,
      max_position_embeddings: 1024,
    },
    '340m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1024,
      num_hidden_layers: 24,
      num_heads: 8,
      intermediate_size: 2816,
      max_position_embeddings: 8192,
    },
    '760m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1536,
      num_hidden_layers: 24,
      num_heads: 12,
      intermediate_size: 4096,
      max_position_embeddings: 8192,
    },
  },
  aliases: {
    vocab: 'vocab_size',
    hidden: 'hidden_size',
    layers: 'num_hidden_layers',
    heads: 'num_heads',
    gate: 'use_gate',
    conv: 'use_short_conv',
    neg_eigval: 'allow_neg_eigval',
    tied: 'tie_word_embeddings',
    max_length: 'max_position_embeddings',
    std: 'initializer_range',
  },
  cost: (config) => transformerCost(config, mixer(config)),
});

function mixer(config: RawConfig): MixerCost {
  const hidden = numberOf(config, 'hidden_size');
  const heads = numberOf(config, 'num_heads');
  const keys = hidden * numberOf(config, 'expand_k');
  const values = hidden * numberOf(config, 'expand_v');
  const gate = config.use_gate === true ? hidden * values : 0;
  const taps = config.use_short_conv === false ? null : numberOf(config, 'conv_size', 4);
  return sumOf(
    weights(2 * hidden * (keys + values) + heads * hidden + gate + values / heads),
    ...(taps === null ? [] : [shortConvolution(2 * keys + values, taps)]),
    deltaMemory({ heads, keyDim: keys / heads, valueDim: values / heads, decays: false }),
  );
}
