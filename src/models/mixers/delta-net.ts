// The DeltaNet layer (Yang et al. 2024) and, with a decay, the Gated DeltaNet layer (Yang, Kautz & Hatamizadeh 2024), as
// flash-linear-attention computes them: q, k, v projections, short convolution and SiLU, q and k of length one, the delta
// rule, a norm per head (gated or not), output projection.
import * as tf from '#tfjs';
import { chunksOf } from '../../ops/chunks.js';
import { CHUNK, deltaRule, deltaRuleStep } from '../../ops/delta-rule.js';
import { gatedRmsNorm } from '../../ops/gated-rms-norm.js';
import { l2Norm } from '../../ops/l2-norm.js';
import { linear } from '../../ops/linear.js';
import { rmsNorm } from '../../ops/rms-norm.js';
import { scope } from '../../ops/scope.js';
import { shortConvolution } from '../../ops/short-convolution.js';
import { silu } from '../../ops/silu.js';
import { softplus } from '../../ops/softplus.js';
import type { ModelConfig } from '../checkpoint/model-config.js';
import { forkRows } from '../fork-rows.js';
import type { Mixer, MixerContext, ParameterSpec } from '../mixer.js';
import { matrixParameter, normParameter } from '../parameter-spec.js';
import { splitHeads } from './heads.js';

export interface DeltaNetConfig {
  /** Heads of q and k. */
  readonly heads: number;
  /** Heads of v, of the rate and of the decay; a multiple of `heads`. */
  readonly valueHeads: number;
  /** Size of a head of q and k. */
  readonly keyDim: number;
  /** Size of a head of v. */
  readonly valueDim: number;
  /** Gated DeltaNet: the memory decays by exp(-exp(A_log) softplus(a_proj x + dt_bias)) before each token. */
  readonly decay: boolean;
  /** The rate is sigmoid(b_proj x); without it 1. */
  readonly learnedRate: boolean;
  /** Twice that rate, up to 2, so that the memory's transition can have negative eigenvalues. */
  readonly negativeEigenvalues: boolean;
  /** Taps of the convolutions over q, k and v; null for none. */
  readonly convolutionTaps: number | null;
  /** The norm of the output is gated by silu(g_proj x). */
  readonly outputGate: boolean;
}

export interface DeltaNetState {
  /** [B, Nv, Dk, Dv] */
  readonly memory: tf.Tensor4D;
  /** The last inputs of the convolutions over q, k and v, [B, taps - 1, 2 N Dk + Nv Dv]; null without convolutions. */
  readonly convolved: tf.Tensor3D | null;
}

export class DeltaNet implements Mixer<DeltaNetState> {
  readonly parameters: readonly ParameterSpec[];
  private readonly config: ModelConfig & DeltaNetConfig;
  /** Channels of q, k and v. */
  private readonly channels: readonly [number, number, number];

  constructor(config: ModelConfig & DeltaNetConfig) {
    const { hiddenSize, initializerRange, heads, valueHeads, keyDim, valueDim, convolutionTaps } = config;
    this.config = config;
    this.channels = [heads * keyDim, heads * keyDim, valueHeads * valueDim];
    const [queries, keys, values] = this.channels;
    const projection = (name: string, outputs: number, inputs = hiddenSize) =>
      matrixParameter(`attn.${name}.weight`, outputs, inputs, initializerRange);
    const convolution = (name: string, channels: number, taps: number): ParameterSpec => ({
      name: `attn.${name}.weight`,
      shape: [channels, 1, taps],
      initialisation: { kind: 'normal', std: initializerRange },
      decay: true,
    });
    this.parameters = [
      projection('q_proj', queries),
      projection('k_proj', keys),
      projection('v_proj', values),
      ...(config.decay ? [projection('a_proj', valueHeads), ...decayParameters(valueHeads)] : []),
      ...(config.learnedRate ? [projection('b_proj', valueHeads)] : []),
      ...(convolutionTaps === null
        ? []
        : [
            convolution('q_conv1d', queries, convolutionTaps),
            convolution('k_conv1d', keys, convolutionTaps),
            convolution('v_conv1d', values, convolutionTaps),
          ]),
      ...(config.outputGate ? [projection('g_proj', values)] : []),
      normParameter('attn.o_norm.weight', valueDim),
      projection('o_proj', hiddenSize, values),
    ];
  }

  forward(
    x: tf.Tensor3D,
    state: DeltaNetState | null,
    context: MixerContext,
  ): { y: tf.Tensor3D; state: DeltaNetState | null } {
    return this.mix(x, state, context, deltaRule);
  }

  step(x: tf.Tensor2D, state: DeltaNetState, context: MixerContext): { y: tf.Tensor2D; state: DeltaNetState } {
    const next = this.mix(tf.expandDims(x, 1), state, context, deltaRuleStep);
    return { y: tf.squeeze(next.y, [1]), state: next.state! };
  }

  initialState(batch: number): DeltaNetState {
    const { valueHeads, keyDim, valueDim, convolutionTaps } = this.config;
    return {
      memory: tf.zeros([batch, valueHeads, keyDim, valueDim]),
      convolved: convolutionTaps === null ? null : tf.zeros([batch, convolutionTaps - 1, sum(this.channels)]),
    };
  }

  fork({ memory, convolved }: DeltaNetState, copies: readonly number[]): DeltaNetState {
    return {
      memory: forkRows(memory, copies),
      convolved: convolved === null ? null : forkRows(convolved, copies),
    };
  }

  /** The same at every position. */
  stateBytes(batch: number): number {
    const { valueHeads, keyDim, valueDim, convolutionTaps } = this.config;
    const convolved = convolutionTaps === null ? 0 : (convolutionTaps - 1) * sum(this.channels);
    return 4 * batch * (valueHeads * keyDim * valueDim + convolved);
  }

  /**
   * The larger of two peaks: q, k and v with the terms of their convolutions, or, a head, the copies of them that the delta
   * rule makes, its square matrices and the memory before and after every chunk.
   */
  workspace(length: number): number {
    const { valueHeads, keyDim, valueDim } = this.config;
    const channels = sum(this.channels);
    const { count, size } = chunksOf(length, CHUNK);
    const rule = length * (8 * keyDim + 6 * valueDim + 16 * size) + 6 * count * keyDim * valueDim;
    return Math.max(24 * length * channels, 2 * length * channels + valueHeads * rule);
  }

  private mix(x: tf.Tensor3D, state: DeltaNetState | null, context: MixerContext, rule: typeof deltaRule) {
    const { q, k, v, convolved } = scope(() => this.queriesKeysValues(x, state, context));
    const { o, state: memory } = rule({
      ...{ q, k, v },
      rate: this.rate(x, context),
      logDecay: this.config.decay ? this.logDecay(x, context) : null,
      state: state?.memory ?? null,
    });
    const y = scope(() => this.output(o, x, context));
    return { y, state: state === null ? null : { memory, convolved } };
  }

  /** q, k [B, N, T, Dk], v [B, Nv, T, Dv], and the state of the convolutions. */
  private queriesKeysValues(x: tf.Tensor3D, state: DeltaNetState | null, context: MixerContext) {
    const { heads, valueHeads } = this.config;
    const projected = tf.concat(
      ['q_proj', 'k_proj', 'v_proj'].map((name) => linear(x, context.weight(`attn.${name}.weight`))),
      2,
    );
    const { y, state: convolved } = this.convolve(projected, state?.convolved ?? null, context);
    const [q, k, v] = tf.split(y, [...this.channels], 2) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
    return {
      q: l2Norm({ x: splitHeads(q, heads) }, null) as tf.Tensor4D,
      k: l2Norm({ x: splitHeads(k, heads) }, null) as tf.Tensor4D,
      v: splitHeads(v, valueHeads),
      convolved,
    };
  }

  /** q, k and v side by side [B, T, 2 N Dk + Nv Dv]: each channel convolved with its own taps, then SiLU. */
  private convolve(x: tf.Tensor3D, state: tf.Tensor3D | null, context: MixerContext) {
    if (this.config.convolutionTaps === null) return { y: silu(x) as tf.Tensor3D, state: null };
    const weight = tf.concat(
      ['q_conv1d', 'k_conv1d', 'v_conv1d'].map((name) => context.weight(`attn.${name}.weight`)),
      0,
    );
    return shortConvolution({ x, weight, state }, 'silu');
  }

  /** [B, T, H] -> [B, Nv, T] */
  private rate(x: tf.Tensor3D, context: MixerContext): tf.Tensor3D {
    const { learnedRate, negativeEigenvalues, valueHeads } = this.config;
    const [batch, length] = x.shape;
    const unit = learnedRate
      ? tf.sigmoid(headsFirst(linear(x, context.weight('attn.b_proj.weight'))))
      : tf.ones<tf.Rank.R3>([batch, valueHeads, length]);
    return negativeEigenvalues ? tf.mul(unit, 2) : unit;
  }

  /** [B, T, H] -> [B, Nv, T] */
  private logDecay(x: tf.Tensor3D, context: MixerContext): tf.Tensor3D {
    const step = softplus(tf.add(linear(x, context.weight('attn.a_proj.weight')), context.weight('attn.dt_bias')));
    return headsFirst(tf.mul(step, tf.neg(tf.exp(context.weight('attn.A_log')))));
  }

  /** [B, Nv, T, Dv] -> [B, T, H] */
  private output(o: tf.Tensor4D, x: tf.Tensor3D, context: MixerContext): tf.Tensor3D {
    const { valueHeads, valueDim, outputGate, normEps } = this.config;
    const [batch, length] = x.shape;
    const perToken = tf.transpose(o, [0, 2, 1, 3]);
    const weight = context.weight('attn.o_norm.weight');
    const epsilon = { epsilon: normEps };
    const normed = outputGate
      ? gatedRmsNorm({ x: perToken, gate: this.gate(x, context), weight }, epsilon)
      : rmsNorm({ x: perToken, weight }, epsilon);
    const merged = tf.reshape(normed, [batch, length, valueHeads * valueDim]) as tf.Tensor3D;
    return linear(merged, context.weight('attn.o_proj.weight'));
  }

  /** [B, T, H] -> [B, T, Nv, Dv] */
  private gate(x: tf.Tensor3D, context: MixerContext): tf.Tensor4D {
    const { valueHeads, valueDim } = this.config;
    const [batch, length] = x.shape;
    return tf.reshape(linear(x, context.weight('attn.g_proj.weight')), [batch, length, valueHeads, valueDim]);
  }
}

/** As Mamba's: A uniform in (0, 16), the step softplus(dt_bias) log-uniform in (0.001, 0.1). */
function decayParameters(heads: number): ParameterSpec[] {
  return [
    {
      name: 'attn.A_log',
      shape: [heads],
      initialisation: { kind: 'log-of-uniform', low: 0, high: 16 },
      decay: false,
    },
    {
      name: 'attn.dt_bias',
      shape: [heads],
      initialisation: { kind: 'inverse-softplus-of-log-uniform', low: 0.001, high: 0.1 },
      decay: false,
    },
  ];
}

/** [B, T, N] -> [B, N, T] */
function headsFirst(x: tf.Tensor3D): tf.Tensor3D {
  return tf.transpose(x, [0, 2, 1]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
