// RetNet (Sun et al. 2023): retention, linear attention with a fixed decay a head. No configuration of these sizes is
// published: the 340M and 760M shapes are flash-linear-attention's defaults at the width and depth of the other baselines,
// where they have as many parameters as a Transformer++.
import { decayingMemory, numberOf, sumOf, transformerCost, weights, type MixerCost } from '../../src/models/cost.js';
import { defineBaseline, type RawConfig } from '../../src/models/define-baseline.js';

const common = {
  model_type: 'retnet',
  norm_eps: 1e-6,
  expand_k: 1,
  expand_v: 2,
  hidden_ratio: 2,
  tie_word_embeddings: true,
};

export default defineBaseline({
  name: 'retnet',
  label: 'RetNet',
  description: 'linear attention with a fixed decay a head, and RoPE',
  paper: 'https://arxiv.org/abs/2307.08621',
  reference: { source: 'flash-linear-attention bc3b101d', golden: ['retnet'] },
  sizes: {
    tiny: {
      ...common,
      hidden_size: 64,
      num_hidden_layers: 2,
      num_heads: 2,
      intermediate_size: 128,
      max_position_embeddings: 1024,
    },
    '340m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1024,
      num_hidden_layers: 24,
      num_heads: 8,
      max_position_embeddings: 8192,
    },
    '760m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1536,
      num_hidden_layers: 24,
      num_heads: 8,
      max_position_embeddings: 8192,
    },
  },
  aliases: {
    vocab: 'vocab_size',
    hidden: 'hidden_size',
    layers: 'num_hidden_layers',
    heads: 'num_heads',
    gate: 'use_output_gate',
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
  const gate = (config.use_output_gate ?? true) ? hidden * values : 0;
  return sumOf(
    weights(2 * hidden * (keys + values) + gate + values / heads),
    decayingMemory({ heads, keyDim: keys / heads, valueDim: values / heads }),
  );
}
