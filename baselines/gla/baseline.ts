// GLA (Yang et al. 2024): linear attention with a decay a key channel that depends on the token. The 340M shape is
// flash-linear-attention's gla_340M.json; the 760M one the same layer at the width of that size, since none is published.
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

const common = { model_type: 'gla', norm_eps: 1e-6, expand_k: 0.5, expand_v: 1, tie_word_embeddings: true };

export default defineBaseline({
  name: 'gla',
  label: 'GLA',
  description: 'linear attention with a learned decay a key channel',
  paper: 'https://arxiv.org/abs/2312.06635',
  reference: { source: 'flash-linear-attention bc3b101d', golden: ['gla'] },
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
      num_heads: 4,
      intermediate_size: 2816,
      max_position_embeddings: 8192,
    },
    '760m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1536,
      num_hidden_layers: 24,
      num_heads: 4,
      intermediate_size: 4096,
      max_position_embeddings: 8192,
    },
  },
  aliases: {
    vocab: 'vocab_size',
    hidden: 'hidden_size',
    layers: 'num_hidden_layers',
    heads: 'num_heads',
    conv: 'use_short_conv',
    gate: 'use_output_gate',
    clamp: 'clamp_min',
    tied: 'tie_word_embeddings',
    max_length: 'max_position_embeddings',
    std: 'initializer_range',
  },
  cost: (config) => transformerCost(config, mixer(config)),
});

/** Of the two matrices that make the decays. */
const GATE_RANK = 16;

function mixer(config: RawConfig): MixerCost {
  const hidden = numberOf(config, 'hidden_size');
  const heads = numberOf(config, 'num_heads');
  const keys = hidden * numberOf(config, 'expand_k');
  const values = hidden * numberOf(config, 'expand_v');
  const decays = GATE_RANK * (hidden + keys) + keys;
  const gate = (config.use_output_gate ?? true) ? hidden * values : 0;
  const taps = config.use_short_conv === true ? numberOf(config, 'conv_size', 4) : null;
  return sumOf(
    weights(2 * hidden * (keys + values) + decays + gate + values / heads),
    ...(taps === null ? [] : [shortConvolution(2 * keys + values, taps)]),
    decayingMemory({ heads, keyDim: keys / heads, valueDim: values / heads }),
  );
}
