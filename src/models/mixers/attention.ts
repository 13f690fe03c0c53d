// The SWAT attention layer (Fu et al. 2025, section 4): q, k, v projections, RoPE, windowed attention with balanced
// ALiBi and a sigmoid, output projection. With softmax and no slopes it is a Transformer's attention, windowed or full.
import * as tf from '#tfjs';
import { linear } from '../../ops/linear.js';
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

/** Keys (rotated) and values in reach of the next token, [B, S, Nkv, D]: S grows to window - 1, or without end. */
export interface KeyValueCache {
  readonly keys: tf.Tensor4D;
  readonly values: tf.Tensor4D;
}

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
    const k = state === null ? newKeys : tf.concat([state.keys, newKeys], 1);
    const v = state === null ? newValues : tf.concat([state.values, newValues], 1);
    const o = windowedAttention({ q, k, v }, { window, slopes, activation });
    return {
      y: this.output(o, context),
      state: state === null ? null : { keys: this.inReach(k), values: this.inReach(v) },
    };
  }

  step(x: tf.Tensor2D, state: KeyValueCache, context: MixerContext): { y: tf.Tensor2D; state: KeyValueCache } {
    const next = this.forward(tf.expandDims(x, 1), state, context);
    return { y: tf.squeeze(next.y, [1]), state: next.state! };
  }

  initialState(batch: number): KeyValueCache {
    const { kvHeads, headDim } = this.config;
    const empty = () => tf.tensor4d([], [batch, 0, kvHeads, headDim], 'float32');
    return { keys: empty(), values: empty() };
  }

  fork(state: KeyValueCache, copies: readonly number[]): KeyValueCache {
    return { keys: forkRows(state.keys, copies), values: forkRows(state.values, copies) };
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
    const bias = this.config.outputBias ? context.weight('attn.o_proj.bias') : undefined;
    return linear(merged, context.matrix('attn.o_proj.weight'), bias);
  }

  /** The positions that the next token can still see. */
  private inReach(x: tf.Tensor4D): tf.Tensor4D {
    const length = x.shape[1];
    const kept = Math.min(length, (this.config.window ?? Infinity) - 1);
    return kept === length ? x : tf.slice(x, [0, length - kept, 0, 0], [-1, kept, -1, -1]);
  }
}
