// The TTT-Linear layer (Sun et al. 2024) as the official implementation computes it: q, k, v projections, a rotary embedding
// that starts anew with every mini-batch, the linear model that learns while it reads (ops/ttt-mini-batch.ts), layer norm,
// output projection. For the Mamba backbone: one projection for q and k with a convolution each, a GELU gate, and a
// convolution ahead of the block's norm.
import * as tf from '#tfjs';
import { z } from 'zod';
import { constant } from '../../ops/constants.js';
import { gelu } from '../../ops/gelu.js';
import { layerNorm } from '../../ops/layer-norm.js';
import { linear } from '../../ops/linear.js';
import { rmsNorm } from '../../ops/rms-norm.js';
import { rotateNeighbours } from '../../ops/rotary.js';
import { shortConvolution } from '../../ops/short-convolution.js';
import { TTT_EPSILON, tttLinear } from '../../ops/ttt-mini-batch.js';
import {
  boolean,
  configError,
  or,
  positiveInteger,
  positiveNumber,
  readKeys,
  statedRopeTheta,
  trunk,
  trunkKeys,
} from '../checkpoint/config-keys.js';
import type { ModelConfig } from '../checkpoint/model-config.js';
import { defineFamily, type Renames } from '../family.js';
import { forkRows } from '../fork-rows.js';
import type { Initialisation, Mixer, MixerContext, ParameterSpec } from '../mixer.js';
import { matrixParameter, normParameter } from '../parameter-spec.js';
import { mergeHeads, splitHeads } from './heads.js';

export interface TttConfig {
  readonly heads: number;
  readonly headDim: number;
  /** Tokens whose gradients are taken at the same weights. */
  readonly miniBatch: number;
  readonly baseRate: number;
  readonly ropeTheta: number;
  /** q and k are one projection, convolved in two ways. */
  readonly sharedQk: boolean;
  readonly gate: boolean;
  /** A convolution in the residual stream ahead of the block's norm. */
  readonly preConvolution: boolean;
  readonly convolutionTaps: number;
}

export interface TttState {
  /** How far W and b have come from where they started at the running mini-batch's start, [B, N, D + 1, D]. */
  readonly change: tf.Tensor4D;
  /** The gradients of the running mini-batch, of the same shape; null between two. */
  readonly pending: tf.Tensor4D | null;
  /** The last inputs of the convolutions of q and k, [B, taps - 1, H]; null for a layer without. */
  readonly convolved: tf.Tensor3D | null;
  /** The last inputs of the convolution ahead of the norm, of that shape; null for a layer without. */
  readonly entered: tf.Tensor3D | null;
}

/** W starts from its own deviation, whatever `initializer_range` is; so does the projection of the learning rates. */
const LEARNER_STD = 0.02;

export class Ttt implements Mixer<TttState> {
  readonly parameters: readonly ParameterSpec[];
  readonly period: number;
  private readonly config: ModelConfig & TttConfig;

  constructor(config: ModelConfig & TttConfig) {
    const { hiddenSize, initializerRange, heads, headDim, miniBatch, sharedQk, gate, preConvolution } = config;
    this.config = config;
    this.period = config.miniBatch;
    const projections = ['q_proj', ...(sharedQk ? [] : ['k_proj']), 'v_proj', 'o_proj', ...(gate ? ['g_proj'] : [])];
    const undecayed = (name: string, shape: number[], kind: 'zeros' | 'ones'): ParameterSpec => ({
      ...{ name, shape, initialisation: { kind }, decay: false },
    });
    const learner: Initialisation = { kind: 'normal', std: LEARNER_STD };
    this.parameters = [
      ...(preConvolution
        ? [normParameter('conv.norm.weight', hiddenSize), ...this.convolutionParameters('conv.conv')]
        : []),
      ...projections.map((name) => matrixParameter(`attn.${name}.weight`, hiddenSize, hiddenSize, initializerRange)),
      ...(sharedQk ? ['attn.conv_q', 'attn.conv_k'].flatMap((name) => this.convolutionParameters(name)) : []),
      { name: 'attn.W1', shape: [heads, headDim, headDim], initialisation: learner, decay: true },
      undecayed('attn.b1', [heads, 1, headDim], 'zeros'),
      { name: 'attn.learnable_ttt_lr_weight', shape: [heads, 1, hiddenSize], initialisation: learner, decay: true },
      undecayed('attn.learnable_ttt_lr_bias', [heads, 1], 'zeros'),
      undecayed('attn.learnable_token_idx', [miniBatch], 'zeros'),
      undecayed('attn.ttt_norm_weight', [heads, headDim], 'ones'),
      undecayed('attn.ttt_norm_bias', [heads, headDim], 'zeros'),
      normParameter('attn.post_norm.weight', hiddenSize),
      undecayed('attn.post_norm.bias', [hiddenSize], 'zeros'),
    ];
  }

  /** x += convolution(norm(x)), where the layer has one. */
  enter(x: tf.Tensor3D, state: TttState | null, context: MixerContext): { x: tf.Tensor3D; state: TttState | null } {
    if (!this.config.preConvolution) return { x, state };
    const normed = rmsNorm({ x, weight: context.weight('conv.norm.weight') }, { epsilon: this.config.normEps });
    const convolution = this.convolve(normed as tf.Tensor3D, 'conv.conv', state?.entered ?? null, context);
    return { x: tf.add(x, convolution.y), state: state === null ? null : { ...state, entered: convolution.state } };
  }

  forward(x: tf.Tensor3D, state: TttState | null, context: MixerContext): { y: tf.Tensor3D; state: TttState | null } {
    const { heads, miniBatch, gate, ropeTheta } = this.config;
    const projected = this.queriesAndKeys(x, state?.convolved ?? null, context);
    const place = (x: tf.Tensor3D) => rotateNeighbours(splitHeads(x, heads), ropeTheta, context.position, miniBatch);
    const start = tf.concat([context.weight('attn.W1'), context.weight('attn.b1')], 1); // [N, D + 1, D]
    const { y, memory } = tttLinear(
      {
        q: place(projected.q),
        k: place(projected.k),
        v: splitHeads(this.project(x, 'v_proj', context), heads),
        rate: this.rates(x, context),
        scale: this.scales(context),
        norm: {
          weight: tf.expandDims(context.weight('attn.ttt_norm_weight'), 1),
          bias: tf.expandDims(context.weight('attn.ttt_norm_bias'), 1),
        },
      },
      {
        weights: tf.add(start, state?.change ?? tf.zeros([x.shape[0], ...start.shape])),
        pending: state?.pending ?? null,
      },
      context.position % miniBatch,
    );
    const norm = { weight: context.weight('attn.post_norm.weight'), bias: context.weight('attn.post_norm.bias') };
    const normed = layerNorm(mergeHeads(y), norm, TTT_EPSILON);
    const gated = gate ? tf.mul(gelu(this.project(x, 'g_proj', context)), normed) : normed;
    return {
      y: this.project(gated as tf.Tensor3D, 'o_proj', context),
      state:
        state === null
          ? null
          : {
              ...{ change: tf.sub(memory.weights, start), pending: memory.pending },
              ...{ convolved: projected.state, entered: state.entered },
            },
    };
  }

  step(x: tf.Tensor2D, state: TttState, context: MixerContext): { y: tf.Tensor2D; state: TttState } {
    const next = this.forward(tf.expandDims(x, 1), state, context);
    return { y: tf.squeeze(next.y, [1]), state: next.state! };
  }

  initialState(batch: number): TttState {
    const { hiddenSize, heads, headDim, sharedQk, preConvolution, convolutionTaps } = this.config;
    const noInputs = () => tf.zeros<tf.Rank.R3>([batch, convolutionTaps - 1, hiddenSize]);
    return {
      change: tf.zeros([batch, heads, headDim + 1, headDim]),
      pending: null,
      convolved: sharedQk ? noInputs() : null,
      entered: preConvolution ? noInputs() : null,
    };
  }

  fork({ change, pending, convolved, entered }: TttState, copies: readonly number[]): TttState {
    const fork = <T extends tf.Tensor>(x: T | null) => (x === null ? null : forkRows(x, copies));
    return {
      change: forkRows(change, copies),
      pending: fork(pending),
      convolved: fork(convolved),
      entered: fork(entered),
    };
  }

  /** W and b, their gradients within a mini-batch, and the inputs of the convolutions. */
  stateBytes(batch: number, position: number): number {
    const { hiddenSize, heads, headDim, miniBatch, sharedQk, preConvolution, convolutionTaps } = this.config;
    const weights = heads * headDim * (headDim + 1);
    const convolutions = Number(sharedQk) + Number(preConvolution);
    return (
      4 * batch * ((position % miniBatch === 0 ? 1 : 2) * weights + convolutions * (convolutionTaps - 1) * hiddenSize)
    );
  }

  /** Projections and rotations, their pieces, what is read, norms, and what gate and convolutions add. */
  workspace(length: number): number {
    const { hiddenSize, gate, sharedQk, preConvolution } = this.config;
    const convolutions = 2 * Number(sharedQk) + Number(preConvolution);
    return hiddenSize * length * (66 + 12 * Number(gate) + 17 * convolutions);
  }

  private project(x: tf.Tensor3D, name: string, context: MixerContext): tf.Tensor3D {
    return linear(x, context.matrix(`attn.${name}.weight`));
  }

  /** [B, T, H] each; `state` holds the last inputs of their convolutions where a state was given. */
  private queriesAndKeys(x: tf.Tensor3D, state: tf.Tensor3D | null, context: MixerContext) {
    const projected = this.project(x, 'q_proj', context);
    if (!this.config.sharedQk) return { q: projected, k: this.project(x, 'k_proj', context), state: null };
    const q = this.convolve(projected, 'attn.conv_q', state, context);
    const k = this.convolve(projected, 'attn.conv_k', state, context);
    return { q: q.y, k: k.y, state: q.state };
  }

  private convolve(x: tf.Tensor3D, name: string, state: tf.Tensor3D | null, context: MixerContext) {
    const [weight, bias] = [context.weight(`${name}.weight`), context.weight(`${name}.bias`)];
    return shortConvolution({ x, weight, bias, state }, 'none');
  }

  private convolutionParameters(name: string): ParameterSpec[] {
    const { hiddenSize, convolutionTaps } = this.config;
    const bound = convolutionTaps ** -0.5;
    const initialisation: Initialisation = { kind: 'uniform', low: -bound, high: bound };
    return [
      { name: `${name}.weight`, shape: [hiddenSize, 1, convolutionTaps], initialisation, decay: true },
      { name: `${name}.bias`, shape: [hiddenSize], initialisation, decay: false },
    ];
  }

  /** base rate * sigmoid(w.x + b) / D for each head and token, [B, N, T, 1]. */
  private rates(x: tf.Tensor3D, context: MixerContext): tf.Tensor4D {
    const { heads, hiddenSize, headDim, baseRate } = this.config;
    const weight = tf.reshape(context.weight('attn.learnable_ttt_lr_weight'), [heads, hiddenSize]);
    const bias = tf.reshape(context.weight('attn.learnable_ttt_lr_bias'), [heads]);
    const rates = tf.mul(tf.sigmoid(linear(x, weight, bias)), baseRate / headDim);
    return tf.expandDims(tf.transpose(rates, [0, 2, 1]), 3);
  }

  /** max(1 / (i + 1) + learnt, 0) for each place i of a mini-batch. */
  private scales(context: MixerContext): tf.Tensor1D {
    const { miniBatch } = this.config;
    const means = constant(`ttt-means/${miniBatch}`, () =>
      tf.tensor1d(Float32Array.from({ length: miniBatch }, (_, i) => 1 / (i + 1))),
    );
    return tf.relu(tf.add(means, context.weight('attn.learnable_token_idx'))) as tf.Tensor1D;
  }
}

const OFFICIAL: Renames = [
  ['model.embeddings.', 'model.embed_tokens.'],
  ['.attn_norm.', '.seq_norm.'],
  ['.attn.', '.seq_modeling_block.'],
  ['.mlp_norm.', '.ffn_norm.'],
];

const tttKeys = trunkKeys.omit({ head_dim: true }).extend({
  num_attention_heads: positiveInteger,
  intermediate_size: positiveInteger,
  rms_norm_eps: or(positiveNumber, 1e-6),
  tie_word_embeddings: or(boolean, true),
  ttt_layer_type: or(z.literal('linear', 'expected linear'), 'linear'),
  ttt_base_lr: or(positiveNumber, 1),
  mini_batch_size: or(positiveInteger, 16),
  use_gate: or(boolean, false),
  share_qk: or(boolean, false),
  pre_conv: or(boolean, false),
  conv_kernel: or(positiveInteger, 4),
  // How much the reference keeps for its backward pass.
  scan_checkpoint_group_size: z.int('expected a whole number').nullish(),
});

export const ttt = defineFamily<ModelConfig & TttConfig>({
  layouts: [OFFICIAL],
  readConfig(raw, file) {
    const keys = readKeys(tttKeys, raw, file);
    const base = trunk('ttt', keys);
    const headDim = base.hiddenSize / keys.num_attention_heads;
    if (!Number.isInteger(headDim) || headDim % 2 !== 0)
      throw configError(
        file,
        `a hidden size of ${base.hiddenSize} does not divide into ${keys.num_attention_heads} heads of even size`,
      );
    return {
      ...base,
      window: null,
      intermediateSize: keys.intermediate_size,
      mlpBias: false,
      normEps: keys.rms_norm_eps,
      heads: keys.num_attention_heads,
      headDim,
      miniBatch: keys.mini_batch_size,
      baseRate: keys.ttt_base_lr,
      ropeTheta: statedRopeTheta(keys) ?? 10_000,
      sharedQk: keys.share_qk,
      gate: keys.use_gate,
      preConvolution: keys.pre_conv,
      convolutionTaps: keys.conv_kernel,
    };
  },
  createMixer: (config) => new Ttt(config),
});
