// Mamba2 (Dao & Gu 2024): a state space layer with a scalar A a head, and no feed-forward. The shapes are those of the authors'
// models of 370M and 780M parameters, which with this vocabulary have 350M and 752M.
import {
  decayingMemory,
  mixerOnlyCost,
  numberOf,
  shortConvolution,
  sumOf,
  weights,
  type MixerCost,
} from '../../src/models/cost.js';
import { defineBaseline, type RawConfig } from '../../src/models/define-baseline.js';

const common = {
  model_type: 'mamba2',
  norm_eps: 1e-5,
  expand: 2,
  n_groups: 1,
  conv_kernel: 4,
  tie_word_embeddings: true,
};

export default defineBaseline({
  name: 'mamba2',
  label: 'Mamba2',
  description: 'state space duality: linear attention with a decay a head that depends on the token, no feed-forward',
  paper: 'https://arxiv.org/abs/2405.21060',
  reference: { source: 'flash-linear-attention bc3b101d', golden: ['mamba2'] },
  sizes: {
    tiny: {
      ...common,
      hidden_size: 64,
      num_hidden_layers: 4,
      head_dim: 16,
      state_size: 16,
      max_position_embeddings: 1024,
    },
    '340m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1024,
      num_hidden_layers: 48,
      head_dim: 64,
      state_size: 128,
      max_position_embeddings: 8192,
    },
    '760m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1536,
      num_hidden_layers: 48,
      head_dim: 64,
      state_size: 128,
      max_position_embeddings: 8192,
    },
  },
  aliases: {
    vocab: 'vocab_size',
    hidden: 'hidden_size',
    layers: 'num_hidden_layers',
    state: 'state_size',
    groups: 'n_groups',
    tied: 'tie_word_embeddings',
    max_length: 'max_position_embeddings',
    std: 'initializer_range',
  },
  cost: (config) => mixerOnlyCost(config, mixer(config)),
});

function mixer(config: RawConfig): MixerCost {
  const hidden = numberOf(config, 'hidden_size');
  const inner = hidden * numberOf(config, 'expand');
  const headDim = numberOf(config, 'head_dim');
  const stateSize = numberOf(config, 'state_size');
  const heads = inner / headDim;
  const convolved = inner + 2 * numberOf(config, 'n_groups') * stateSize; // x, B and C
  const projections = hidden * (inner + convolved + heads) + inner * hidden;
  return sumOf(
    weights(projections + convolved + 3 * heads + inner), // the convolution's bias; dt_bias, A_log and D; the norm
    shortConvolution(convolved, numberOf(config, 'conv_kernel')),
    decayingMemory({ heads, keyDim: stateSize, valueDim: headDim }),
  );
}
