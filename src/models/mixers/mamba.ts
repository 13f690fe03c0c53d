// The Mamba layer (Gu & Dao 2023), as flash-linear-attention computes it:
//   [x, z] = W_in u;  x = silu(convolution(x));  [r, B, C] = W_x x;  dt = softplus(W_dt r + b_dt);
//   y = W_out (selective scan of x with steps dt, A = -exp(A_log), B, C, D, times silu(z)).
import * as tf from '#tfjs';
import { z } from 'zod';
import { linear } from '../../ops/linear.js';
import { chunkLength, selectiveScan } from '../../ops/selective-scan.js';
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
  sameSetting,
  show,
  trunk,
  trunkKeys,
} from '../checkpoint/config-keys.js';
import type { ModelConfig } from '../checkpoint/model-config.js';
import { defineFamily, type ShapeOf } from '../family.js';
import { forkRows } from '../fork-rows.js';
import type { Initialisation, Mixer, MixerContext, ParameterSpec } from '../mixer.js';
import { linearParameters, matrixParameter } from '../parameter-spec.js';
import { MAMBA_LAYOUTS } from './mamba-layouts.js';

export interface MambaConfig {
  /** Channels of the scan, I. */
  readonly channels: number;
  /** States a channel, N. */
  readonly stateSize: number;
  /** Rank of the step sizes' projection, R. */
  readonly stepRank: number;
  readonly convolutionTaps: number;
  readonly convolutionBias: boolean;
  readonly projectionBias: boolean;
  /** How the step sizes' projection and the output projection start. */
  readonly initialisation: {
    readonly stepScale: number;
    readonly steps: { readonly low: number; readonly high: number };
    readonly rescaledOutput: boolean;
  };
}

export interface MambaState {
  /** The last inputs of the convolution, [B, taps - 1, I]. */
  readonly convolved: tf.Tensor3D;
  /** h, [B, N, I] */
  readonly h: tf.Tensor3D;
}

export class Mamba implements Mixer<MambaState> {
  readonly parameters: readonly ParameterSpec[];
  private readonly config: ModelConfig & MambaConfig;

  constructor(config: ModelConfig & MambaConfig) {
    const { hiddenSize, initializerRange, layers, channels, stateSize, stepRank, convolutionTaps } = config;
    const { stepScale, steps, rescaledOutput } = config.initialisation;
    this.config = config;
    const projection = (name: string, outputs: number, inputs: number) =>
      linearParameters(`attn.${name}`, outputs, inputs, config.projectionBias, initializerRange);
    const fromUniform = (bound: number): Initialisation => ({ kind: 'uniform', low: -bound, high: bound });
    const vector = (name: string, initialisation: Initialisation): ParameterSpec => ({
      ...{ name: `attn.${name}`, shape: [channels], initialisation, decay: false },
    });
    const [outputWeight, ...outputBias] = projection('out_proj', hiddenSize, channels);
    this.parameters = [
      ...projection('in_proj', 2 * channels, hiddenSize),
      {
        name: 'attn.conv1d.weight',
        shape: [channels, 1, convolutionTaps],
        initialisation: fromUniform(convolutionTaps ** -0.5),
        decay: true,
      },
      ...(config.convolutionBias ? [vector('conv1d.bias', fromUniform(convolutionTaps ** -0.5))] : []),
      matrixParameter('attn.x_proj.weight', stepRank + 2 * stateSize, channels, initializerRange),
      {
        ...matrixParameter('attn.dt_proj.weight', channels, stepRank, initializerRange),
        initialisation: fromUniform(stepScale * stepRank ** -0.5),
      },
      vector('dt_proj.bias', { kind: 'inverse-softplus-of-log-uniform', ...steps }),
      { name: 'attn.A_log', shape: [channels, stateSize], initialisation: { kind: 'log-of-range' }, decay: false },
      vector('D', { kind: 'ones' }),
      rescaledOutput ? { ...outputWeight!, initialisation: fromUniform((channels * layers) ** -0.5) } : outputWeight!,
      ...outputBias,
    ];
  }

  forward(u: tf.Tensor3D, state: MambaState | null, context: MixerContext) {
    const { channels, stateSize, stepRank } = this.config;
    const projected = this.project(u, 'in_proj', context);
    const [input, z] = splitColumns(projected, [channels, channels]) as [tf.Tensor3D, tf.Tensor3D];
    const convolution = this.convolve(input, state?.convolved ?? null, context);
    const x = convolution.y;
    const selection = linear(x, context.matrix('attn.x_proj.weight'));
    const [r, b, c] = splitColumns(selection, [stepRank, stateSize, stateSize]) as [
      tf.Tensor3D,
      tf.Tensor3D,
      tf.Tensor3D,
    ];
    const steps = linear(r, context.matrix('attn.dt_proj.weight'));
    const scanned = selectiveScan({
      ...{ x, dt: biasedSoftplus(steps, context.weight('attn.dt_proj.bias')), b, c },
      a: tf.neg(tf.exp(context.weight('attn.A_log'))) as tf.Tensor2D,
      d: context.weight('attn.D'),
      initial: state?.h ?? tf.zeros([u.shape[0], stateSize, channels]),
    });
    return {
      y: this.project(
        swiGlu({ gate: z, up: scanned.y }, { packed: context.inHalves }) as tf.Tensor3D,
        'out_proj',
        context,
      ),
      state: state === null ? null : { convolved: convolution.state!, h: scanned.state },
    };
  }

  step(u: tf.Tensor2D, state: MambaState, context: MixerContext): { y: tf.Tensor2D; state: MambaState } {
    const next = this.forward(tf.expandDims(u, 1), state, context);
    return { y: tf.squeeze(next.y, [1]), state: next.state! };
  }

  initialState(batch: number): MambaState {
    const { channels, stateSize, convolutionTaps } = this.config;
    return {
      convolved: tf.zeros([batch, convolutionTaps - 1, channels]),
      h: tf.zeros([batch, stateSize, channels]),
    };
  }

  fork({ convolved, h }: MambaState, copies: readonly number[]): MambaState {
    return { convolved: forkRows(convolved, copies), h: forkRows(h, copies) };
  }

  /** The same at every position. */
  stateBytes(batch: number): number {
    const { channels, stateSize, convolutionTaps } = this.config;
    return 4 * batch * channels * (stateSize + convolutionTaps - 1);
  }

  /** Both halves of the projection, the convolution's terms, dt and its parts, y; the pairs of a chunk and their parts. */
  workspace(length: number): number {
    const { channels, stateSize } = this.config;
    const chunk = Math.min(length, chunkLength(channels, stateSize));
    return channels * (36 * length + 12 * chunk * stateSize);
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
}

const stepRank = z.union([positiveInteger, z.literal('auto')], "expected a positive integer or 'auto'").nullish();
const mambaKeys = trunkKeys.omit(ATTENTION_KEYS).extend({
  norm_eps: positiveNumber.nullish(),
  layer_norm_epsilon: positiveNumber.nullish(),
  state_size: or(positiveInteger, 16),
  expand: or(positiveNumber, 2),
  intermediate_size: positiveInteger.nullish(),
  conv_kernel: or(positiveInteger, 4),
  use_conv_bias: or(boolean, true),
  use_bias: or(boolean, false),
  dt_rank: stepRank,
  time_step_rank: stepRank,
  // How the weights start; transformers' names are the time_step ones.
  dt_min: positiveNumber.nullish(),
  time_step_min: positiveNumber.nullish(),
  dt_max: positiveNumber.nullish(),
  time_step_max: positiveNumber.nullish(),
  dt_scale: positiveNumber.nullish(),
  time_step_scale: positiveNumber.nullish(),
  dt_init_floor: positiveNumber.nullish(),
  time_step_floor: positiveNumber.nullish(),
  dt_init_scheme: z.literal('random', 'expected random').nullish(),
  time_step_init_scheme: z.literal('random', 'expected random').nullish(),
  rescale_prenorm_residual: or(boolean, false),
  // How the reference rounds; here all is f32.
  residual_in_fp32: boolean.nullish(),
});

export const mamba = defineFamily<ModelConfig & MambaConfig>({
  layouts: MAMBA_LAYOUTS,
  readConfig(raw, file, shapeOf) {
    const keys = readKeys(mambaKeys, raw, file);
    const base = trunk('mamba', keys);
    const channels = Math.trunc(keys.expand * base.hiddenSize);
    if ((keys.intermediate_size ?? channels) !== channels)
      throw configError(
        file,
        `"intermediate_size" is ${show(keys.intermediate_size)}, expected "hidden_size" times "expand", ${channels}`,
      );
    return {
      ...base,
      window: null,
      intermediateSize: null,
      mlpBias: false,
      normEps: sameSetting(keys.norm_eps, keys.layer_norm_epsilon, '"norm_eps" and "layer_norm_epsilon"', file) ?? 1e-5,
      channels,
      stateSize: keys.state_size,
      stepRank: stepRankOf(keys, base, shapeOf),
      convolutionTaps: keys.conv_kernel,
      convolutionBias: keys.use_conv_bias,
      projectionBias: keys.use_bias,
      initialisation: {
        stepScale: sameSetting(keys.dt_scale, keys.time_step_scale, '"dt_scale" and "time_step_scale"', file) ?? 1,
        steps: initialSteps(keys, file),
        rescaledOutput: keys.rescale_prenorm_residual,
      },
    };
  },
  createMixer: (config) => new Mamba(config),
});

/**
 * `dt_rank` where it is a number. Otherwise what the tensors say, for flash-linear-attention does not read transformers'
 * `time_step_rank`, and so its files may hold another; without tensors `time_step_rank`, or a sixteenth of the hidden size.
 */
function stepRankOf(
  { dt_rank: stated, time_step_rank: alsoStated }: z.infer<typeof mambaKeys>,
  { hiddenSize, layers }: { readonly hiddenSize: number; readonly layers: number },
  shapeOf: ShapeOf = () => undefined,
): number {
  if (typeof stated === 'number') return stated;
  const stored = Array.from(
    { length: layers },
    (_, layer) => shapeOf(`model.layers.${layer}.attn.dt_proj.weight`)?.[1],
  );
  const fallback = typeof alsoStated === 'number' ? alsoStated : Math.ceil(hiddenSize / 16);
  return stored.find((rank) => rank !== undefined) ?? fallback;
}

function initialSteps(keys: z.infer<typeof mambaKeys>, file: string): { low: number; high: number } {
  const low = sameSetting(keys.dt_min, keys.time_step_min, '"dt_min" and "time_step_min"', file) ?? 1e-3;
  const high = sameSetting(keys.dt_max, keys.time_step_max, '"dt_max" and "time_step_max"', file) ?? 0.1;
  const floor = sameSetting(keys.dt_init_floor, keys.time_step_floor, '"dt_init_floor" and "time_step_floor"', file);
  if ((floor ?? 1e-4) > low || low > high)
    throw configError(file, `the initial step sizes go from ${low} to ${high}, with a floor of ${floor ?? 1e-4}`, {
      hint: 'they matter for random weights only: remove dt_min, dt_max and dt_init_floor',
    });
  return { low, high };
}
