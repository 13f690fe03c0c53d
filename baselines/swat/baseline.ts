// SWAT: sliding-window attention with a sigmoid, balanced ALiBi and RoPE (Fu et al. 2025). The 340M shape is the authors'
// released configuration; the 760M one the common shape of that size, since the paper gives none.
import { attention, transformerCost } from '../../src/models/cost.js';
import { alibiSlopes, type SlopeSchedule, type SlopeVariant } from '../../src/models/checkpoint/slopes.js';
import { defineBaseline, type RawConfig } from '../../src/models/define-baseline.js';
import { UserError } from '../../src/user-error.js';

const common = {
  model_type: 'swat',
  norm_eps: 1e-6,
  rope_theta: 10000,
  attention_activation: 'sigmoid',
  tie_word_embeddings: true,
};

export default defineBaseline({
  name: 'swat',
  label: 'SWAT',
  description: 'sliding-window attention with sigmoid, balanced ALiBi and RoPE',
  paper: 'https://arxiv.org/abs/2502.18845',
  reference: {
    source: "the paper's equations",
    golden: ['swat', 'swat-minus', 'swat-plus', 'swat-gqa', 'swat-softmax-rope'],
  },
  sizes: {
    tiny: {
      ...common,
      hidden_size: 64,
      num_hidden_layers: 2,
      num_heads: 4,
      intermediate_size: 192,
      window_size: 64,
      max_position_embeddings: 1024,
    },
    '340m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1024,
      num_hidden_layers: 24,
      num_heads: 16,
      intermediate_size: 2816,
      window_size: 256,
      max_position_embeddings: 8192,
    },
    '760m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1536,
      num_hidden_layers: 24,
      num_heads: 16,
      intermediate_size: 4096,
      window_size: 256,
      max_position_embeddings: 8192,
    },
  },
  aliases: {
    vocab: 'vocab_size',
    hidden: 'hidden_size',
    layers: 'num_hidden_layers',
    heads: 'num_heads',
    kv_heads: 'num_kv_heads',
    window: 'window_size',
    activation: 'attention_activation',
    tied: 'tie_word_embeddings',
    max_length: 'max_position_embeddings',
    std: 'initializer_range',
  },
  settings: {
    // slopes=minus, slopes=12:4, slopes=none, slopes=balanced/paper (the schedule 2^-k of equation 4)
    slopes: (value, config) => ({ alibi_slopes: value === 'none' ? null : slopes(value, config) }),
    rope: (value) => ({ rope_theta: rope(value) }),
  },
  cost: (config) => transformerCost(config, attention(config)),
});

function slopes(value: string, config: RawConfig): number[] {
  const [variant, schedule = 'code'] = value.split('/');
  if (schedule !== 'code' && schedule !== 'paper')
    throw new UserError('usage', `unknown slope schedule '${schedule}', expected code or paper`);
  return alibiSlopes(Number(config.num_heads), variant as SlopeVariant, schedule satisfies SlopeSchedule);
}

function rope(value: string): number | null {
  if (value === 'off') return null;
  if (value === 'on') return common.rope_theta;
  throw new UserError('usage', `rope is on or off, not '${value}'`, { hint: 'rope_theta=10000 sets its base' });
}
