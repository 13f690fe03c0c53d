// GSA (Zhang et al. 2024): attention over a fixed number of slots, written through gates. The 340M shape is
// flash-linear-attention's gsa_340M.json; the 760M one the same layer at the width of that size, since none is published.
import {
  decayingMemory,
  numberOf,
  shortConvolution,
  sumOf,
  transformerCost,
  weights,
  type MixerCost,
} from '../../src/models/cost.js';
import { defineBaseline, type RawConfig } from '../../src/models/define-baseline.js';

const common = { model_type: 'gsa', norm_eps: 1e-6, gate_logit_normalizer: 8, tie_word_embeddings: true };

export default defineBaseline({
  name: 'gsa',
  label: 'GSA',
  description: 'softmax attention over gated slots: two passes of gated linear attention',
  paper: 'https://arxiv.org/abs/2409.07146',
  reference: { source: 'flash-linear-attention bc3b101d', golden: ['gsa'] },
  sizes: {
    tiny: {
      ...common,
      hidden_size: 64,
      num_hidden_layers: 2,
      num_heads: 2,
      num_slots: 16,
      intermediate_size: 192,
      max_position_embeddings: 1024,
    },
    '340m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1024,
      num_hidden_layers: 24,
      num_heads: 4,
      num_slots: 64,
      gate_logit_normalizer: 4,
      elementwise_affine: false,
      intermediate_size: 2816,
      max_position_embeddings: 8192,
    },
    '760m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1536,
      num_hidden_layers: 24,
      num_heads: 4,
      num_slots: 64,
      gate_logit_normalizer: 4,
      elementwise_affine: false,
      intermediate_size: 4096,
      max_position_embeddings: 8192,
    },
  },
  aliases: {
    vocab: 'vocab_size',
    hidden: 'hidden_size',
    layers: 'num_hidden_layers',
    heads: 'num_heads',
    slots: 'num_slots',
    conv: 'use_short_conv',
    tied: 'tie_word_embeddings',
    max_length: 'max_position_embeddings',
    std: 'initializer_range',
  },
  cost: (config) => transformerCost(config, mixer(config)),
});

function mixer(config: RawConfig): MixerCost {
  const hidden = numberOf(config, 'hidden_size');
  const heads = numberOf(config, 'num_heads');
  const slots = numberOf(config, 'num_slots');
  const dim = hidden / heads;
  const norm = config.elementwise_affine === false ? 0 : hidden;
  const taps = config.use_short_conv === true ? numberOf(config, 'conv_size', 4) : null;
  return sumOf(
    weights(4 * hidden ** 2 + heads * slots * hidden + norm),
    ...(taps === null ? [] : [shortConvolution(3 * hidden, taps)]),
    decayingMemory({ heads, keyDim: dim, valueDim: slots }),
    decayingMemory({ heads, keyDim: slots, valueDim: dim }),
  );
}
