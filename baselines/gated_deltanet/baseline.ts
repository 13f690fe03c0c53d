// Gated DeltaNet: the delta rule over a memory that decays (Yang, Kautz & Hatamizadeh 2024), as in flash-linear-attention,
// with its rule heads x head_dim = 3/4 hidden. Its own gated_deltanet_340M.json (here `340m-flame`) has 446.7M parameters
// beside the embedding; `340m` halves the heads to 314.4M, as many as the others of that size have. `760m` keeps those
// heads and the ratio in the common width of that size: 743.9M with the embedding, where Transformer++ has 728.7M.
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
  model_type: 'gated_deltanet',
  norm_eps: 1e-6,
  expand_v: 2,
  use_short_conv: true,
  conv_size: 4,
  use_gate: true,
  allow_neg_eigval: false,
  tie_word_embeddings: true,
};

const shape340M = {
  ...common,
  vocab_size: 32000,
  hidden_size: 1024,
  num_hidden_layers: 21,
  num_heads: 6,
  intermediate_size: 2816,
  max_position_embeddings: 8192,
};

export default defineBaseline({
  name: 'gated_deltanet',
  label: 'Gated DeltaNet',
  description: 'delta rule over a matrix memory that decays, short convolutions, gated output norm',
  paper: 'https://arxiv.org/abs/2412.06464',
  reference: { source: 'flash-linear-attention bc3b101d', golden: ['gated_deltanet'] },
  sizes: {
    tiny: {
      ...common,
      hidden_size: 64,
      num_hidden_layers: 2,
      num_heads: 2,
      head_dim: 24,
      intermediate_size: 192,
      max_position_embeddings: 1024,
    },
    '340m': { ...shape340M, head_dim: 128 },
    '340m-flame': { ...shape340M, head_dim: 256 },
    '760m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1536,
      num_hidden_layers: 21,
      num_heads: 9,
      head_dim: 128,
      intermediate_size: 4096,
      max_position_embeddings: 8192,
    },
  },
  aliases: {
    vocab: 'vocab_size',
    hidden: 'hidden_size',
    layers: 'num_hidden_layers',
    heads: 'num_heads',
    value_heads: 'num_v_heads',
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
  const valueHeads = numberOf(config, 'num_v_heads', heads);
  const keyDim = numberOf(config, 'head_dim');
  const valueDim = keyDim * numberOf(config, 'expand_v');
  const [keys, values] = [heads * keyDim, valueHeads * valueDim];
  const ratesAndDecays = 2 * valueHeads * (hidden + 1); // a_proj, b_proj; A_log, dt_bias
  const gate = config.use_gate === false ? 0 : hidden * values;
  const taps = config.use_short_conv === false ? null : numberOf(config, 'conv_size', 4);
  return sumOf(
    weights(2 * hidden * (keys + values) + ratesAndDecays + gate + valueDim),
    ...(taps === null ? [] : [shortConvolution(2 * keys + values, taps)]),
    deltaMemory({ heads: valueHeads, keyDim, valueDim, decays: true }),
  );
}
