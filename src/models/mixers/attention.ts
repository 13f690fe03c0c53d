// The SWAT attention layer (Fu et al. 2025, section 4): q, k, v projections, RoPE, windowed attention with balanced
// ALiBi and a sigmoid, output projection. With softmax and no slopes it is a Transformer's attention, windowed or full.
import * as tf from '#tfjs';
import { attendAsStep } from '../../ops/attention-step.js';
import { linear, linearsJoined } from '../../ops/linear.js';
import { rmsNorm } from '../../ops/rms-norm.js';
import { rotateTokens } from '../../ops/rotary.js';
import { copiesOfKeys, FULL_PIECE, keysPerQuery, windowedAttention } from '../../ops/windowed-attention.js';
import type { ModelConfig } from '../checkpoint/model-config.js';
import { forkRows } from '../fork-rows.js';
import type { Mixer, MixerContext, ParameterSpec } from '../mixer.js';
import { linearParameters, normParameter } from '../parameter-spec.js';

/** Attention over a causal window: activation(rope(q) . rope(k) / sqrt(headDim) + slope * distance) weighs the values. */
export interface AttentionConfig {
  readonly activation: 'sigmoid' | 'softmax';
  /** One a head, in the paper's sign (score + slope * distance); null for no position bias. */
  readonly slopes: readonly number[] | null;
  /** Base of the rotary embedding, half-split over the whole head; null for none. */
  readonly ropeTheta: number | null;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  /** RMS norm of every head's q and k before the rotary embedding; its epsilon is not the trunk's. */
  readonly qkNorm: { readonly eps: number } | null;
}

/** Keys (rotated) and values, [B, S, Nkv, D]. */
export interface KeyValueCache {
  readonly keys: tf.Tensor4D;
  readonly values: tf.Tensor4D;
  /**
   * In a sequence, those in reach of the next token: S grows to window - 1, or without end. In a ring, which steps make of it,
   * that of position p in slot p mod S: S is the window, or less while fewer tokens came.
   */
  readonly order: 'sequence' | 'ring';
}

const OUTPUT = 'attn.o_proj.weight';
/** Slots of the shortest ring that is no window. */
const LEAST_RING = 256;

export class Attention implements Mixer<KeyValueCache> {
  readonly parameters: readonly ParameterSpec[];
  private readonly config: ModelConfig & AttentionConfig;

  constructor(config: ModelConfig & AttentionConfig) {
    const { hiddenSize, initializerRange, heads, kvHeads, headDim, qkvBias, outputBias, qkNorm } = config;
    this.config = config;
    const projection = (name: string, outputs: number, inputs: number, bias: boolean) =>
      linearParameters(`attn.${name}`, outputs, inputs, bias, initializerRange);
    this.parameters = [
      ...projection('q_proj', heads * headDim, hiddenSize, qkvBias),
      ...projection('k_proj', kvHeads * headDim, hiddenSize, qkvBias),
      ...projection('v_proj', kvHeads * headDim, hiddenSize, qkvBias),
      ...projection('o_proj', hiddenSize, heads * headDim, outputBias),
      ...(qkNorm === null
        ? []
        : [normParameter('attn.q_norm.weight', headDim), normParameter('attn.k_norm.weight', headDim)]),
    ];
  }

  forward(
    x: tf.Tensor3D,
    state: KeyValueCache | null,
    context: MixerContext,
  ): { y: tf.Tensor3D; state: KeyValueCache | null } {
    const { heads, kvHeads, ropeTheta, window, slopes, activation } = this.config;
    const place = (x: tf.Tensor4D) => (ropeTheta === null ? x : rotateTokens(x, ropeTheta, context.position));
    const q = place(this.normalise(this.project(x, 'q_proj', heads, context), 'q_norm', context));
    const newKeys = place(this.normalise(this.project(x, 'k_proj', kvHeads, context), 'k_norm', context));
    const newValues = this.project(x, 'v_proj', kvHeads, context);
    const before = state === null ? null : this.inSequence(state, context.position);
    const k = before === null ? newKeys : tf.concat([before.keys, newKeys], 1);
    const v = before === null ? newValues : tf.concat([before.values, newValues], 1);
    const o = windowedAttention({ q, k, v }, { window, slopes, activation });
    return {
      y: this.output(o, context),
      state: state === null ? null : { keys: this.inReach(k), values: this.inReach(v), order: 'sequence' },
    };
  }

  step(x: tf.Tensor2D, state: KeyValueCache, context: MixerContext): { y: tf.Tensor2D; state: KeyValueCache } {
    const { heads, slopes, activation, ropeTheta, window } = this.config;
    const { position } = context;
    const ring = this.inRing(state, position);
    const [o, keys, values] = attendAsStep(
      { qkv: this.projectStep(x, context), keys: ring.keys, values: ring.values },
      { position, heads, slopes, activation, ropeTheta, closed: ring.keys.shape[1] === window },
    ) as [tf.Tensor2D, tf.Tensor4D, tf.Tensor4D];
    return { y: linear(o, context.matrix(OUTPUT), this.outputBias(context)), state: { keys, values, order: 'ring' } };
  }

  initialState(batch: number): KeyValueCache {
    const { kvHeads, headDim } = this.config;
    const empty = () => tf.tensor4d([], [batch, 0, kvHeads, headDim], 'float32');
    return { keys: empty(), values: empty(), order: 'sequence' };
  }

  fork({ keys, values, order }: KeyValueCache, copies: readonly number[]): KeyValueCache {
    return { keys: forkRows(keys, copies), values: forkRows(values, copies), order };
  }

  forSteps(state: KeyValueCache, position: number): KeyValueCache {
    const ring = this.inRing(state, position);
    return ring === state ? { ...state, keys: copied(state.keys), values: copied(state.values) } : ring;
  }

  /** Keys and values of the last `window` positions (the step's own included), or of all. */
  stateBytes(batch: number, position: number): number {
    const { kvHeads, headDim, window } = this.config;
    return 4 * 2 * batch * kvHeads * headDim * Math.min(position, window ?? Infinity);
  }

  /** What was measured at the peak, rounded up: logits in six forms; q, k, v and o with their copies, those in blocks included. */
  workspace(length: number): number {
    const { heads, headDim, window } = this.config;
    const keys = keysPerQuery(window, length);
    const queries = window === null ? Math.min(length, FULL_PIECE) : length;
    const copies = 20 + (keys < length ? 6 * copiesOfKeys(window!) : 0);
    return heads * (6 * queries * keys + copies * length * headDim);
  }

  /** [B, T, H] -> [B, T, N, D] */
  private project(x: tf.Tensor3D, name: string, heads: number, context: MixerContext): tf.Tensor4D {
    const [batch, length] = x.shape;
    const bias = this.config.qkvBias ? context.weight(`attn.${name}.bias`) : undefined;
    const y = linear(x, context.matrix(`attn.${name}.weight`), bias);
    return tf.reshape(y, [batch, length, heads, this.config.headDim]);
  }

  /** The RMS norm of every head's q or k, where the model has one. */
  private normalise(x: tf.Tensor4D, name: string, context: MixerContext): tf.Tensor4D {
    const { qkNorm } = this.config;
    if (qkNorm === null) return x;
    return rmsNorm({ x, weight: context.weight(`attn.${name}.weight`) }, { epsilon: qkNorm.eps }) as tf.Tensor4D;
  }

  /** [B, T, N, D] -> [B, T, H] */
  private output(o: tf.Tensor4D, context: MixerContext): tf.Tensor3D {
    const [batch, length, heads, dim] = o.shape;
    const merged: tf.Tensor3D = tf.reshape(o, [batch, length, heads * dim]);
    return linear(merged, context.matrix(OUTPUT), this.outputBias(context));
  }

  private outputBias(context: MixerContext): tf.Tensor | undefined {
    return this.config.outputBias ? context.weight('attn.o_proj.bias') : undefined;
  }

  /** q, k and v of one token, side by side: [B, H] -> [B, (N + 2 Nkv) D] */
  private projectStep(x: tf.Tensor2D, context: MixerContext): tf.Tensor2D {
    const { heads, kvHeads, qkvBias, qkNorm } = this.config;
    const names = ['q_proj', 'k_proj', 'v_proj'];
    if (!qkvBias && qkNorm === null)
      return linearsJoined(
        x,
        names.map((name) => context.matrix(`attn.${name}.weight`)),
      );
    const [q, k, v] = names.map((name, i) =>
      this.project(tf.expandDims(x, 1), name, i === 0 ? heads : kvHeads, context),
    ) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
    const normed = [this.normalise(q, 'q_norm', context), this.normalise(k, 'k_norm', context), v];
    return tf.reshape(tf.concat(normed, 2), [x.shape[0], -1]);
  }

  /** The cache as a ring with room for the token at `position`. */
  private inRing(state: KeyValueCache, position: number): KeyValueCache {
    const capacity = Math.min(this.config.window ?? Infinity, roomFor(position + 1));
    if (state.order === 'ring' && state.keys.shape[1] >= capacity) return state;
    const { keys, values } = this.inSequence(state, position);
    const count = keys.shape[1];
    // The last position before this one that belongs into a slot, counted from the first that is there.
    const source = (slot: number) =>
      position - 1 - ((((position - 1 - slot) % capacity) + capacity) % capacity) - (position - count);
    const sources = Array.from({ length: capacity }, (_, slot) => Math.max(0, source(slot)));
    return { keys: tokensOf(keys, sources), values: tokensOf(values, sources), order: 'ring' };
  }

  /** The cache as a sequence that ends before `position`. */
  private inSequence(state: KeyValueCache, position: number): KeyValueCache {
    if (state.order === 'sequence') return state;
    const capacity = state.keys.shape[1];
    const count = Math.min(position, capacity, (this.config.window ?? Infinity) - 1);
    const slots = Array.from({ length: count }, (_, i) => (position - count + i) % capacity);
    return { keys: tokensOf(state.keys, slots), values: tokensOf(state.values, slots), order: 'sequence' };
  }

  /** The positions that the next token can still see. */
  private inReach(x: tf.Tensor4D): tf.Tensor4D {
    const length = x.shape[1];
    const kept = Math.min(length, (this.config.window ?? Infinity) - 1);
    return kept === length ? x : tf.slice(x, [0, length - kept, 0, 0], [-1, kept, -1, -1]);
  }
}

function copied(x: tf.Tensor4D): tf.Tensor4D {
  return forkRows(x, new Array<number>(x.shape[0]).fill(1));
}

/** Slots for so many tokens and up to a third more, so that a ring grows seldom and is never much too large. */
function roomFor(tokens: number): number {
  const step = Math.max(LEAST_RING, 2 ** (Math.ceil(Math.log2(tokens)) - 2));
  return step * Math.ceil(tokens / step);
}

/** x [B, S, N, D] -> its tokens at these places; zeros where it has none. */
function tokensOf(x: tf.Tensor4D, places: readonly number[]): tf.Tensor4D {
  const [batch, count, heads, dim] = x.shape;
  if (count === 0 || places.length === 0) return tf.zeros([batch, places.length, heads, dim]);
  return tf.gather(x, tf.tensor1d([...places], 'int32'), 1);
}
