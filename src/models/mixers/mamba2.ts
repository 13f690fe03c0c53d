// The Mamba2 layer (Dao & Gu 2024, "Transformers are SSMs"), as flash-linear-attention's `mamba2` computes it: one projection
// gives the gate z, x with B and C, and the step dt; x, B and C pass a short convolution; then, a head with its A and D,
//   S[t] = exp(dt[t] A) S[t-1] + B[t] (dt[t] x[t])^T;  y[t] = S[t]^T C[t] + D x[t],
// linear attention with q = C, k = B and v = dt x, whose B and C the heads of a group share; a gated norm, and the projection
// back. The blocks have no feed-forward.
import * as tf from '#tfjs';
import { z } from 'zod';
import {
  decayedLinearAttention,
  decayedLinearAttentionStep,
  decayedWorkspace,
} from '../../ops/decayed-linear-attention.js';
import { gatedRmsNorm, rmsNormOfGated } from '../../ops/gated-rms-norm.js';
import { linear } from '../../ops/linear.js';
import { steppedByHead, withSkip } from '../../ops/mamba2-terms.js';
import { shortConvolution } from '../../ops/short-convolution.js';
import { biasedSoftplus } from '../../ops/softplus.js';
import { splitColumns } from '../../ops/split-columns.js';
import { swiGlu } from '../../ops/swiglu.js';
import {
  ATTENTION_KEYS,
  boolean,
  configError,
  or,
  positiveInteger,
  positiveNumber,
  readKeys,
  show,
  trunk,
  trunkKeys,
} from '../checkpoint/config-keys.js';
import type { ModelConfig } from '../checkpoint/model-config.js';
import { defineFamily } from '../family.js';
import { forkRows } from '../fork-rows.js';
import type { Initialisation, Mixer, MixerContext, ParameterSpec } from '../mixer.js';
import { linearParameters, normParameter } from '../parameter-spec.js';
import { splitHeads } from './heads.js';
import { MAMBA_LAYOUTS } from './mamba-layouts.js';
import { convolutionParameter } from './query-key-value.js';

export interface Mamba2Config {
  readonly heads: number;
  /** Size of a head of x. */
  readonly headDim: number;
  /** Size of B and C. */
  readonly stateSize: number;
  /** Groups of heads that share B and C. */
  readonly groups: number;
  readonly convolutionTaps: number;
  readonly convolutionBias: boolean;
  readonly projectionBias: boolean;
  /** D has a value a channel, not a head. */
  readonly skipPerChannel: boolean;
  /** y, gate -> norm(y silu(gate)), norm(y) silu(gate), or y silu(gate). The norm is over a group's channels. */
  readonly gating: 'before-norm' | 'after-norm' | 'without-norm';
  /** Bounds of dt. */
  readonly stepLimit: readonly [least: number, most: number];
  readonly initialisation: {
    readonly A: Initialisation;
    readonly stepBias: Initialisation;
    readonly convolution: Initialisation;
    readonly output: Initialisation;
  };
}

export interface Mamba2State {
  /** S, [B, N, state size, head size] */
  readonly memory: tf.Tensor4D;
  /** The last taps - 1 inputs of the convolution, [B, taps - 1, channels]. */
  readonly convolved: tf.Tensor3D;
}

export class Mamba2 implements Mixer<Mamba2State> {
  readonly parameters: readonly ParameterSpec[];
  private readonly config: ModelConfig & Mamba2Config;
  /** Channels of x, and of x, B and C together. */
  private readonly inner: number;
  private readonly convolvedChannels: number;

  constructor(config: ModelConfig & Mamba2Config) {
    const { hiddenSize, initializerRange, heads, headDim, stateSize, groups, initialisation } = config;
    this.config = config;
    this.inner = heads * headDim;
    this.convolvedChannels = this.inner + 2 * groups * stateSize;
    const { inner, convolvedChannels } = this;
    const projection = (name: string, outputs: number, inputs: number) =>
      linearParameters(`attn.${name}`, outputs, inputs, config.projectionBias, initializerRange);
    const [outputWeight, ...outputBias] = projection('out_proj', hiddenSize, inner);
    const vector = (name: string, size: number, initialisation: Initialisation): ParameterSpec => ({
      name: `attn.${name}`,
      shape: [size],
      initialisation,
      decay: false,
    });
    this.parameters = [
      ...projection('in_proj', inner + convolvedChannels + heads, hiddenSize),
      {
        ...convolutionParameter('attn.conv1d.weight', convolvedChannels, config.convolutionTaps, initializerRange),
        initialisation: initialisation.convolution,
      },
      ...(config.convolutionBias ? [vector('conv1d.bias', convolvedChannels, { kind: 'zeros' })] : []),
      vector('dt_bias', heads, initialisation.stepBias),
      vector('A_log', heads, initialisation.A),
      vector('D', config.skipPerChannel ? inner : heads, { kind: 'ones' }),
      ...(config.gating === 'without-norm' ? [] : [normParameter('attn.norm.weight', inner)]),
      { ...outputWeight!, initialisation: initialisation.output },
      ...outputBias,
    ];
  }

  forward(x: tf.Tensor3D, state: Mamba2State | null, context: MixerContext) {
    return this.mix(x, state, context, decayedLinearAttention);
  }

  step(x: tf.Tensor2D, state: Mamba2State, context: MixerContext) {
    const next = this.mix(tf.expandDims(x, 1), state, context, decayedLinearAttentionStep);
    return { y: tf.squeeze<tf.Tensor2D>(next.y, [1]), state: next.state! };
  }

  initialState(batch: number): Mamba2State {
    const { heads, headDim, stateSize, convolutionTaps } = this.config;
    return {
      memory: tf.zeros([batch, heads, stateSize, headDim]),
      convolved: tf.zeros([batch, convolutionTaps - 1, this.convolvedChannels]),
    };
  }

  fork({ memory, convolved }: Mamba2State, copies: readonly number[]): Mamba2State {
    return { memory: forkRows(memory, copies), convolved: forkRows(convolved, copies) };
  }

  /** The same at every position. */
  stateBytes(batch: number): number {
    const { heads, headDim, stateSize, convolutionTaps } = this.config;
    return 4 * batch * (heads * headDim * stateSize + (convolutionTaps - 1) * this.convolvedChannels);
  }

  /** Beside the recurrence itself: projections, the terms of the convolution, the skip, the gate and the norm. */
  workspace(length: number): number {
    const { groups, heads, headDim, stateSize, convolutionTaps } = this.config;
    const around = length * ((3 * convolutionTaps + 6) * this.convolvedChannels + 12 * this.inner);
    return around + decayedWorkspace(length, groups, heads, stateSize, headDim);
  }

  private mix(
    u: tf.Tensor3D,
    state: Mamba2State | null,
    context: MixerContext,
    attend: typeof decayedLinearAttention,
  ): { y: tf.Tensor3D; state: Mamba2State | null } {
    const { heads, headDim, groups, stateSize, skipPerChannel } = this.config;
    const { inner, convolvedChannels } = this;
    const projected = this.project(u, 'in_proj', context);
    const [z, xBC, dt] = inThree(projected, [inner, convolvedChannels, heads]);
    const convolution = this.convolve(xBC, state?.convolved ?? null, context);
    const [channels, B, C] = inThree(convolution.y, [inner, groups * stateSize, groups * stateSize]);
    const x: tf.Tensor4D = tf.reshape(channels, [u.shape[0], u.shape[1], heads, headDim]);

    const step = this.stepSize(dt, context); // [B, T, N]
    const { o, state: memory } = attend({
      q: splitHeads(C, groups),
      k: splitHeads(B, groups),
      v: steppedByHead({ x, step }),
      logDecay: tf.transpose(tf.mul(step, tf.neg(tf.exp(context.weight('attn.A_log')))), [0, 2, 1]),
      state: state?.memory ?? null,
    });
    const d = tf.reshape(context.weight('attn.D'), [heads, skipPerChannel ? headDim : 1]) as tf.Tensor2D;
    const y: tf.Tensor3D = tf.reshape(withSkip({ o, x, d }), channels.shape);
    return {
      y: this.project(this.gate(y, z, context), 'out_proj', context),
      state: state === null ? null : { memory, convolved: convolution.state! },
    };
  }

  private project(x: tf.Tensor3D, name: string, context: MixerContext): tf.Tensor3D {
    const bias = this.config.projectionBias ? context.weight(`attn.${name}.bias`) : undefined;
    return linear(x, context.matrix(`attn.${name}.weight`), bias);
  }

  private convolve(x: tf.Tensor3D, state: tf.Tensor3D | null, context: MixerContext) {
    const weight = context.weight('attn.conv1d.weight');
    const bias = this.config.convolutionBias ? { bias: context.weight('attn.conv1d.bias') } : {};
    return shortConvolution({ x, weight, state, ...bias }, 'silu');
  }

  /** dt = softplus(dt + bias) within its limits. */
  private stepSize(dt: tf.Tensor3D, context: MixerContext): tf.Tensor3D {
    const [least, most] = this.config.stepLimit;
    const step = biasedSoftplus(dt, context.weight('attn.dt_bias'));
    const raised = least > 0 ? tf.maximum(step, least) : step;
    return (most < Infinity ? tf.minimum(raised, most) : raised) as tf.Tensor3D;
  }

  private gate(y: tf.Tensor3D, z: tf.Tensor3D, context: MixerContext): tf.Tensor3D {
    const { gating, groups, normEps } = this.config;
    if (gating === 'without-norm') return swiGlu({ gate: z, up: y }, { packed: context.inHalves }) as tf.Tensor3D;
    const perGroup = (x: tf.Tensor) => tf.reshape(x, [...x.shape.slice(0, -1), groups, this.inner / groups]);
    const weight = perGroup(context.weight('attn.norm.weight'));
    const norm = gating === 'after-norm' ? gatedRmsNorm : rmsNormOfGated;
    return tf.reshape(norm({ x: perGroup(y), gate: perGroup(z), weight }, { epsilon: normEps }), y.shape);
  }
}

/** The columns of x in pieces of these sizes. */
function inThree(x: tf.Tensor3D, sizes: readonly number[]): [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D] {
  return splitColumns(x, sizes) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
}

const notNegative = z.union(
  [z.number().nonnegative(), z.literal(Infinity)],
  'expected a number of at least 0 or Infinity',
);
const limits = z.tuple([notNegative, notNegative], 'expected two numbers');

const mamba2Keys = trunkKeys.omit(ATTENTION_KEYS).extend({
  norm_eps: or(positiveNumber, 1e-5),
  head_dim: or(positiveInteger, 64),
  num_heads: positiveInteger.nullish(),
  state_size: or(positiveInteger, 128),
  expand: or(positiveNumber, 2),
  n_groups: or(positiveInteger, 1),
  conv_kernel: or(positiveInteger, 4),
  use_conv_bias: or(boolean, true),
  use_bias: or(boolean, false),
  rmsnorm: or(boolean, true),
  norm_before_gate: or(boolean, false),
  D_has_hdim: or(boolean, false),
  dt_limit: limits.nullish(),
  // How weights start.
  A_init_range: or<[low: number, high: number]>(
    z.tuple([positiveNumber, positiveNumber], 'expected two positive numbers'),
    [1, 16],
  ),
  dt_min: or(positiveNumber, 0.001),
  dt_max: or(positiveNumber, 0.1),
  dt_init_floor: or(positiveNumber, 1e-4),
  conv_init: positiveNumber.nullish(),
  rescale_prenorm_residual: or(boolean, true),
  residual_in_fp32: boolean.nullish(), // here everything is
  // transformers' names, which the reference does not read; values that would mean something else are refused.
  rms_norm: z.literal(true, 'expected true').nullish(),
  time_step_limit: limits.nullish(),
  time_step_rank: z.unknown().optional(),
  time_step_min: z.unknown().optional(),
  time_step_max: z.unknown().optional(),
  time_step_floor: z.unknown().optional(),
});

export const mamba2 = defineFamily({
  layouts: MAMBA_LAYOUTS,
  readConfig(raw, file): ModelConfig & Mamba2Config {
    const keys = readKeys(mamba2Keys, raw, file);
    const inner = Math.trunc(keys.expand * keys.hidden_size);
    const heads = inner / keys.head_dim;
    if (!Number.isInteger(heads))
      throw configError(file, `${inner} channels do not divide into heads of "head_dim" ${keys.head_dim}`);
    if ((keys.num_heads ?? heads) !== heads)
      throw configError(
        file,
        `"num_heads" is ${keys.num_heads}, expected ${heads}: ${inner} channels in heads of ${keys.head_dim}`,
      );
    if (heads % keys.n_groups !== 0)
      throw configError(file, `"n_groups" is ${keys.n_groups}, which does not divide ${heads} heads`);
    return {
      ...trunk('mamba2', keys),
      window: null,
      intermediateSize: null,
      mlpBias: false,
      normEps: keys.norm_eps,
      heads,
      headDim: keys.head_dim,
      stateSize: keys.state_size,
      groups: keys.n_groups,
      convolutionTaps: keys.conv_kernel,
      convolutionBias: keys.use_conv_bias,
      projectionBias: keys.use_bias,
      skipPerChannel: keys.D_has_hdim,
      gating: !keys.rmsnorm ? 'without-norm' : keys.norm_before_gate ? 'after-norm' : 'before-norm',
      stepLimit: stepLimit(keys, file),
      initialisation: initialisation(keys, inner),
    };
  },
  createMixer: (config) => new Mamba2(config),
});

type Mamba2Keys = z.infer<typeof mamba2Keys>;

function stepLimit(keys: Mamba2Keys, file: string): readonly [number, number] {
  const [least, most] = keys.dt_limit ?? [0, Infinity];
  const [otherLeast, otherMost] = keys.time_step_limit ?? [least, most];
  if (otherLeast !== least || otherMost !== most)
    throw configError(
      file,
      `"time_step_limit" is ${show(keys.time_step_limit)}, expected [${least}, ${most}] as "dt_limit"`,
    );
  if (least > most) throw configError(file, `"dt_limit" is ${show(keys.dt_limit)}, expected the smaller number first`);
  return [least, most];
}

/** As the reference's `_init_weights`; the step's floor matters below `dt_min` only, where the range starts at it. */
function initialisation(keys: Mamba2Keys, inner: number): Mamba2Config['initialisation'] {
  const normal: Initialisation = { kind: 'normal', std: keys.initializer_range };
  const within = (bound: number): Initialisation => ({ kind: 'uniform', low: -bound, high: bound });
  const [low, high] = keys.A_init_range;
  return {
    A: { kind: 'log-of-uniform', low, high },
    stepBias: {
      kind: 'inverse-softplus-of-log-uniform',
      low: Math.max(keys.dt_min, keys.dt_init_floor),
      high: keys.dt_max,
    },
    convolution: typeof keys.conv_init === 'number' ? within(keys.conv_init) : normal,
    output: keys.rescale_prenorm_residual ? within(1 / Math.sqrt(inner * keys.num_hidden_layers)) : normal,
  };
}
