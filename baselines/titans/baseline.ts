// Titans LMM: a memory that learns by gradient descent, with momentum and forgetting, while it reads (Behrouz et al. 2025), here
// a linear one. No official code and no shapes are published: a re-implementation, whose choices src/models/mixers/titans.ts
// lists with their reasons. Shapes: the Transformer's width and depth of that size; the inner size of the SwiGLU is smaller by
// what the output gate's matrix weighs, so that the parameters are as many (340M: 308.5M beside the embedding against 308.3M;
// 760M: 681.1M against 679.5M).
import { numberOf, shortConvolution, sumOf, transformerCost, weights, type MixerCost } from '../../src/models/cost.js';
import { defineBaseline, type RawConfig } from '../../src/models/define-baseline.js';

const common = {
  model_type: 'titans',
  norm_eps: 1e-6,
  chunk_size: 16,
  alpha_init: 0.01,
  conv_size: 4,
  num_persistent_tokens: 4,
  tie_word_embeddings: true,
};

export default defineBaseline({
  name: 'titans',
  label: 'Titans',
  description: 'neural memory (LMM) with a linear memory; a re-implementation from the paper',
  paper: 'https://arxiv.org/abs/2501.00663',
  reference: { source: "the paper's equations; a re-implementation", golden: [] },
  sizes: {
    tiny: {
      ...common,
      hidden_size: 64,
      num_hidden_layers: 2,
      num_heads: 2,
      intermediate_size: 160,
      max_position_embeddings: 1024,
    },
    '340m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1024,
      num_hidden_layers: 24,
      num_heads: 8,
      intermediate_size: 2464,
      max_position_embeddings: 8192,
    },
    '760m': {
      ...common,
      vocab_size: 32000,
      hidden_size: 1536,
      num_hidden_layers: 24,
      num_heads: 12,
      intermediate_size: 3584,
      max_position_embeddings: 8192,
    },
  },
  aliases: {
    vocab: 'vocab_size',
    hidden: 'hidden_size',
    layers: 'num_hidden_layers',
    heads: 'num_heads',
    chunk: 'chunk_size',
    theta_max: 'theta_max',
    persistent_tokens: 'num_persistent_tokens',
    tied: 'tie_word_embeddings',
    max_length: 'max_position_embeddings',
    std: 'initializer_range',
  },
  cost: (config) => transformerCost(config, mixer(config)),
});

function mixer(config: RawConfig): MixerCost {
  const hidden = numberOf(config, 'hidden_size');
  const heads = numberOf(config, 'num_heads');
  const inner = numberOf(config, 'head_dim', hidden / heads) * heads;
  const gates = 3 * heads * (hidden + 1);
  const persistent = numberOf(config, 'num_persistent_tokens') * hidden;
  return sumOf(
    weights(5 * hidden * inner + gates + inner / heads + persistent),
    shortConvolution(3 * inner, numberOf(config, 'conv_size')),
    memory(heads, inner / heads, numberOf(config, 'chunk_size')),
  );
}

/**
 * Memory and momentum, dim x dim a head; within a chunk also the memory it started with. A token alone: its answer and its
 * error (2 dim^2 each), the step of the momentum (3) and of the memory (2). In chunks: the error, two answers and two steps
 * (2 dim^2 each), the keys among each other and with the errors (2 chunk dim each), the decays (2 chunk^2).
 */
function memory(heads: number, dim: number, chunk: number): MixerCost {
  return {
    parameters: 0,
    flops: (work) => {
      if (work.kind === 'decode') return 9 * heads * dim ** 2;
      const tokens = Math.min(chunk, work.length);
      return heads * (10 * dim ** 2 + 4 * tokens * dim + 2 * tokens ** 2);
    },
    state: (position) => (position % chunk === 0 ? 2 : 3) * heads * dim ** 2,
  };
}
