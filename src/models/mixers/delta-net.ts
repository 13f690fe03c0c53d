// The DeltaNet layer (Yang et al. 2024) and, with a decay, the Gated DeltaNet layer (Yang, Kautz & Hatamizadeh 2024), as
// flash-linear-attention computes them: q, k, v projections, short convolutions and SiLU, q and k of length one, the delta
// rule, a norm per head (gated or not), output projection.
import * as tf from '#tfjs';
import { chunksOf } from '../../ops/chunks.js';
import { CHUNK, deltaRule, deltaRuleStep } from '../../ops/delta-rule.js';
import { l2Norm } from '../../ops/l2-norm.js';
import { linear } from '../../ops/linear.js';
import { scope } from '../../ops/scope.js';
import { silu } from '../../ops/silu.js';
import { softplus } from '../../ops/softplus.js';
import type { ModelConfig } from '../checkpoint/model-config.js';
import { forkRows } from '../fork-rows.js';
import type { Mixer, MixerContext, ParameterSpec } from '../mixer.js';
import { matrixParameter } from '../parameter-spec.js';
import { GatedOutput } from './gated-output.js';
import { splitHeads } from './heads.js';
import { QueryKeyValue, type ConvolutionState } from './query-key-value.js';

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
  /** S, [B, Nv, Dk, Dv] */
  readonly memory: tf.Tensor4D;
  readonly convolved: ConvolutionState;
}

export class DeltaNet implements Mixer<DeltaNetState> {
  readonly parameters: readonly ParameterSpec[];
  private readonly config: ModelConfig & DeltaNetConfig;
  private readonly projections: QueryKeyValue;
  private readonly output: GatedOutput;

  constructor(config: ModelConfig & DeltaNetConfig) {
    const { hiddenSize, initializerRange, heads, valueHeads, keyDim, valueDim } = config;
    this.config = config;
    this.projections = new QueryKeyValue({ ...config, keySize: heads * keyDim, valueSize: valueHeads * valueDim });
    this.output = new GatedOutput({ ...config, heads: valueHeads, normWeight: true }, 'attn.o_norm');
    const perValueHead = (name: string) =>
      matrixParameter(`attn.${name}.weight`, valueHeads, hiddenSize, initializerRange);
    this.parameters = [
      ...this.projections.parameters,
      ...(config.learnedRate ? [perValueHead('b_proj')] : []),
      ...(config.decay ? [perValueHead('a_proj'), ...decayParameters(valueHeads)] : []),
      ...this.output.parameters,
    ];
  }

  forward(x: tf.Tensor3D, state: DeltaNetState | null, context: MixerContext) {
    return this.mix(x, state, context, deltaRule);
  }

  step(x: tf.Tensor2D, state: DeltaNetState, context: MixerContext) {
    const next = this.mix(tf.expandDims(x, 1), state, context, deltaRuleStep);
    return { y: tf.squeeze<tf.Tensor2D>(next.y, [1]), state: next.state! };
  }

  initialState(batch: number): DeltaNetState {
    const { valueHeads, keyDim, valueDim } = this.config;
    return {
      memory: tf.zeros([batch, valueHeads, keyDim, valueDim]),
      convolved: this.projections.initialState(batch),
    };
  }

  fork({ memory, convolved }: DeltaNetState, copies: readonly number[]): DeltaNetState {
    return { memory: forkRows(memory, copies), convolved: this.projections.fork(convolved, copies) };
  }

  /** The same at every position. */
  stateBytes(batch: number): number {
    const { valueHeads, keyDim, valueDim } = this.config;
    return 4 * batch * (valueHeads * keyDim * valueDim + this.projections.stateSize());
  }

  /**
   * The larger of two peaks: q, k and v with the terms of their convolutions, or, a head, the copies of them that the delta
   * rule makes, its square matrices and the memory before and after every chunk.
   */
  workspace(length: number): number {
    const { heads, valueHeads, keyDim, valueDim } = this.config;
    const channels = 2 * heads * keyDim + valueHeads * valueDim;
    const { count, size } = chunksOf(length, CHUNK);
    const rule = length * (8 * keyDim + 6 * valueDim + 16 * size) + 6 * count * keyDim * valueDim;
    return Math.max(24 * length * channels, 2 * length * channels + valueHeads * rule);
  }

  private mix(
    x: tf.Tensor3D,
    state: DeltaNetState | null,
    context: MixerContext,
    rule: typeof deltaRule,
  ): { y: tf.Tensor3D; state: DeltaNetState | null } {
    const { q, k, v, convolved } = scope(() => this.queriesKeysValues(x, state, context));
    const { o, state: memory } = rule({
      ...{ q, k, v },
      rate: scope(() => this.rate(x, context)),
      logDecay: this.config.decay ? scope(() => this.logDecay(x, context)) : null,
      state: state?.memory ?? null,
    });
    const y = scope(() => this.output.forward(o, x, context));
    return { y, state: state === null ? null : { memory, convolved } };
  }

  /** q, k [B, N, T, Dk], v [B, Nv, T, Dv], and the state of the convolutions, whose SiLU stands alone without them. */
  private queriesKeysValues(x: tf.Tensor3D, state: DeltaNetState | null, context: MixerContext) {
    const { heads, valueHeads, convolutionTaps } = this.config;
    const { q, k, v, state: convolved } = this.projections.forward(x, state?.convolved ?? null, context);
    const activated = (x: tf.Tensor3D, heads: number) =>
      splitHeads(convolutionTaps === null ? (silu(x) as tf.Tensor3D) : x, heads);
    return {
      q: l2Norm({ x: activated(q, heads) }, null) as tf.Tensor4D,
      k: l2Norm({ x: activated(k, heads) }, null) as tf.Tensor4D,
      v: activated(v, valueHeads),
      convolved,
    };
  }

  /** [B, T, H] -> [B, Nv, T] */
  private rate(x: tf.Tensor3D, context: MixerContext): tf.Tensor3D {
    const { learnedRate, negativeEigenvalues, valueHeads } = this.config;
    const [batch, length] = x.shape;
    const unit = learnedRate
      ? tf.sigmoid(headsFirst(linear(x, context.matrix('attn.b_proj.weight'))))
      : tf.ones<tf.Rank.R3>([batch, valueHeads, length]);
    return negativeEigenvalues ? tf.mul(unit, 2) : unit;
  }

  /** [B, T, H] -> [B, Nv, T] */
  private logDecay(x: tf.Tensor3D, context: MixerContext): tf.Tensor3D {
    const step = softplus(tf.add(linear(x, context.matrix('attn.a_proj.weight')), context.weight('attn.dt_bias')));
    return headsFirst(tf.mul(step, tf.neg(tf.exp(context.weight('attn.A_log')))));
  }
}

/** As Mamba's: A uniform in (0, 16), the step softplus(dt_bias) log-uniform in (0.001, 0.1). */
function decayParameters(heads: number): ParameterSpec[] {
  const shape = [heads];
  return [
    { name: 'attn.A_log', shape, initialisation: { kind: 'log-of-uniform', low: 0, high: 16 }, decay: false },
    {
      name: 'attn.dt_bias',
      shape,
      initialisation: { kind: 'inverse-softplus-of-log-uniform', low: 0.001, high: 0.1 },
      decay: false,
    },
  ];
}

/** [B, T, N] -> [B, N, T] */
function headsFirst(x: tf.Tensor3D): tf.Tensor3D {
  return tf.transpose(x, [0, 2, 1]);
}
