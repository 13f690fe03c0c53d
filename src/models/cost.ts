// What a model costs, by formulas alone: parameters, floating-point operations, bytes of state. No tensor library here, so that a
// list answers at once. A baseline adds up the parts of its mixer; embedding, norms, SwiGLU and head are the same for all.
// Counting: a multiply-add is two operations; a weight is one multiply-add a token, norms and biases too, small as they are.
import type { RawConfig } from './define-baseline.js';
import { swiGluSize } from './swiglu-size.js';

/** What the operations are counted for. */
export type Work =
  /** One token in the recurrent form: the one that makes the sequence `position` tokens long. */
  | { readonly kind: 'decode'; readonly position: number }
  /** The mean over a sequence of `length` tokens in the parallel form, in chunks where the model has one. */
  | { readonly kind: 'parallel'; readonly length: number };

export interface ModelCost {
  /** Numbers in the weights; a tied head counts once. */
  readonly parameters: number;
  /** Operations a token, the head's logits included. */
  flopsPerToken(work: Work): number;
  /** Bytes of the state of `batch` rows after `position` tokens, in f32. */
  stateBytes(batch: number, position: number): number;
}

/** A part of one layer's mixer. */
export interface MixerCost {
  readonly parameters: number;
  /** Operations a token, beside the multiply-add of each parameter. */
  flops(work: Work): number;
  /** Numbers in the state of one row after `position` tokens. */
  state(position: number): number;
}

/** A model whose blocks are a mixer and a SwiGLU. */
export function transformerCost(config: RawConfig, mixer: MixerCost): ModelCost {
  const hidden = numberOf(config, 'hidden_size');
  const inner = numberOf(config, 'intermediate_size', swiGluSize(hidden, numberOf(config, 'hidden_ratio', 4)));
  return stackCost(config, mixer.parameters + hidden + 3 * hidden * inner, mixer);
}

/** A model whose blocks are a mixer alone. */
export function mixerOnlyCost(config: RawConfig, mixer: MixerCost): ModelCost {
  return stackCost(config, mixer.parameters, mixer);
}

function stackCost(config: RawConfig, blockParameters: number, mixer: MixerCost): ModelCost {
  const hidden = numberOf(config, 'hidden_size');
  const layers = numberOf(config, 'num_hidden_layers');
  const vocabulary = numberOf(config, 'vocab_size');
  const blocks = layers * (hidden + blockParameters) + hidden;
  return {
    parameters: (config.tie_word_embeddings === true ? 1 : 2) * vocabulary * hidden + blocks,
    flopsPerToken: (work) => 2 * blocks + layers * mixer.flops(work) + 2 * vocabulary * hidden,
    stateBytes: (batch, position) => 4 * batch * layers * mixer.state(position),
  };
}

/** A number of config.json; `fallback` where there is none. */
export function numberOf(config: RawConfig, key: string, fallback?: number): number {
  const value = config[key] ?? fallback;
  if (typeof value !== 'number') throw new Error(`"${key}" is ${JSON.stringify(value)}, expected a number`);
  return value;
}

export function sumOf(...parts: readonly MixerCost[]): MixerCost {
  const sum = (of: (part: MixerCost) => number) => parts.reduce((total, part) => total + of(part), 0);
  return {
    parameters: sum((part) => part.parameters),
    flops: (work) => sum((part) => part.flops(work)),
    state: (position) => sum((part) => part.state(position)),
  };
}

/** Projections, gates, norms: weights that multiply the token and keep nothing. */
export function weights(parameters: number): MixerCost {
  return { parameters, flops: () => 0, state: () => 0 };
}

/** Causal depthwise convolution with SiLU: two multiply-adds a tap with the parameter's own. It keeps its last taps - 1 inputs. */
export function shortConvolution(channels: number, taps: number): MixerCost {
  return {
    parameters: channels * taps,
    flops: () => 2 * channels * taps,
    state: () => channels * (taps - 1),
  };
}

/**
 * Softmax or sigmoid attention with its projections, by the keys of config.json: two products with every key in reach, and five
 * operations a weight for scale, position bias and activation.
 */
export function attention(config: RawConfig): MixerCost {
  const hidden = numberOf(config, 'hidden_size');
  const heads = numberOf(config, 'num_heads');
  const headDim = numberOf(config, 'head_dim', hidden / heads);
  const keyValueSize = numberOf(config, 'num_kv_heads', heads) * headDim;
  const window = numberOf(config, 'window_size', Infinity);
  const inReach = (position: number) => Math.min(position, window);
  const meanInReach = (length: number) => {
    const widest = inReach(length);
    return ((widest + 1) / 2 + (length - widest)) * (widest / length);
  };
  return {
    parameters: 2 * hidden * (heads * headDim + keyValueSize),
    flops: (work) => {
      const keys = work.kind === 'decode' ? inReach(work.position) : meanInReach(work.length);
      return heads * keys * (4 * headDim + 5);
    },
    state: (position) => 2 * keyValueSize * inReach(position),
  };
}

/** Tokens in a chunk of the parallel forms below, as in src/ops. */
export const CHUNK = 64;

/** Matrix memories, one a head. */
export interface MemoryShape {
  readonly heads: number;
  readonly keyDim: number;
  readonly valueDim: number;
}

/** Linear attention whose memory decays, by one factor or by one a channel. */
export function decayingMemory({ heads, keyDim, valueDim }: MemoryShape): MixerCost {
  const memory = heads * keyDim * valueDim;
  return {
    parameters: 0,
    flops: (work) =>
      work.kind === 'decode' ? 5 * memory : 4 * memory + 2 * heads * Math.min(CHUNK, work.length) * (keyDim + valueDim),
    state: () => memory,
  };
}

/** The delta rule, with a decay where `decays`. */
export function deltaMemory({ heads, keyDim, valueDim, decays }: MemoryShape & { decays: boolean }): MixerCost {
  const memory = heads * keyDim * valueDim;
  const decay = decays ? memory : 0;
  return {
    parameters: 0,
    flops: (work) => {
      if (work.kind === 'decode') return 6 * memory + decay;
      const tokens = Math.min(CHUNK, work.length);
      const inChunk = 2 * heads * tokens * (3 * keyDim + 2 * valueDim) + (heads * tokens ** 2) / 3;
      return 6 * memory + decay / tokens + inChunk;
    },
    state: () => memory,
  };
}
