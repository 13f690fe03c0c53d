// Titans' long-term memory module as the only mixer, LMM (Behrouz et al. 2025, sections 3 and 4.4), with a linear memory. There
// is no official code: this is a re-implementation from the paper, and what the paper leaves open is a key of config.json
// (`titansKeys` below). Tensor names are in the style of flash-linear-attention.
import { z } from 'zod';
import * as tf from '#tfjs';
import { gatedRmsNorm } from '../../ops/gated-rms-norm.js';
import { l2Norm } from '../../ops/l2-norm.js';
import { linear } from '../../ops/linear.js';
import { neuralMemory, type NeuralMemoryAttributes, type NeuralMemoryState } from '../../ops/neural-memory.js';
import { scope } from '../../ops/scope.js';
import { shortConvolution } from '../../ops/short-convolution.js';
import { logSigmoid } from '../../ops/softplus.js';
import {
  configError,
  or,
  positiveInteger,
  positiveNumber,
  readKeys,
  trunk,
  trunkKeys,
} from '../checkpoint/config-keys.js';
import type { ModelConfig } from '../checkpoint/model-config.js';
import { CANONICAL, defineFamily } from '../family.js';
import type { Mixer, MixerContext, ParameterSpec } from '../mixer.js';
import { matrixParameter, normParameter } from '../parameter-spec.js';

export interface TitansConfig {
  readonly heads: number;
  readonly headDim: number;
  /** Tokens whose gradients are taken at the same memory. */
  readonly chunk: number;
  readonly convSize: number;
  /** Upper bound of the step theta. */
  readonly thetaMax: number;
  /** The forgetting alpha that the weights start with. */
  readonly alphaInit: number;
  readonly persistentTokens: number;
}

/** The memory, and the last inputs of the convolutions, [B, convSize - 1, N D]. */
export interface TitansState extends NeuralMemoryState {
  readonly qConv: tf.Tensor3D;
  readonly kConv: tf.Tensor3D;
  readonly vConv: tf.Tensor3D;
}

const QKV = ['q', 'k', 'v'] as const;

/** A choice that the paper leaves open and that is not offered otherwise: stated, so that no file can mean another. */
const only = <T extends string>(value: T) => or(z.literal(value, `expected ${value}`), value);
const noPositions = z.null('expected null: a memory has no positions').optional();
const fraction = z
  .number('expected a number between 0 and 1')
  .gt(0, 'expected more than 0')
  .lt(1, 'expected less than 1');
const count = z.int('expected 0 or a positive integer').nonnegative('expected 0 or a positive integer');

const titansKeys = trunkKeys.extend({
  intermediate_size: positiveInteger.nullish(),
  hidden_ratio: or(positiveNumber, 4),
  norm_eps: or(positiveNumber, 1e-6),
  rope_theta: noPositions,
  rope_parameters: noPositions,
  rope_scaling: noPositions,
  // Heads are not in the paper. Eight of 128 x 128 at 340M hold as much as DeltaNet's, its closest relative.
  num_heads: or(positiveInteger, 8),
  // The paper trains in chunks of a length it does not give. TTT, the other model that steps along gradients, has 16.
  chunk_size: or(positiveInteger, 16),
  // The paper has a depthwise-separable convolution after each of the projections, which can be its pointwise part. Four taps and
  // a SiLU as in the other recurrent baselines.
  conv_size: or(positiveInteger, 4),
  conv_activation: only('silu'),
  // In the paper, queries and keys have length one.
  qk_norm: only('l2norm'),
  // In the paper, alpha, eta and theta depend on the data. A sigmoid of a linear layer with bias, one value a head.
  gate_activation: only('sigmoid'),
  // theta = theta_max sigmoid(...). A chunk that repeats one key adds its steps up: from 2 theta chunk_size = 2 on, a memory
  // without momentum grows instead of settling. Hence 1 / chunk_size.
  theta_max: positiveNumber.nullish(),
  // alpha at the start of training. 1% a token spans some hundred tokens, where a bias of zero would halve the memory at each.
  // The biases of eta and theta start at zero.
  alpha_init: or(fraction, 0.01),
  // As in the other recurrent baselines, memory and momentum start empty.
  memory_init: only('zeros'),
  // The paper normalises and gates before the output projection: RMSNorm a head and SiLU, as in the other recurrent baselines.
  output_norm: only('gated_rms_norm'),
  // Learned inputs before the sequence, here of the memory and in a chunk of their own. The paper does not say how many.
  num_persistent_tokens: or(count, 4),
});

export const titans = defineFamily<ModelConfig & TitansConfig>({
  layouts: [CANONICAL],
  readConfig(raw, file) {
    const keys = readKeys(titansKeys, raw, file);
    const headDim = keys.head_dim ?? keys.hidden_size / keys.num_heads;
    if (!Number.isInteger(headDim))
      throw configError(file, `a hidden size of ${keys.hidden_size} does not divide into ${keys.num_heads} heads`);
    return {
      ...trunk('titans', keys),
      window: null,
      intermediateSize:
        keys.intermediate_size ?? 256 * Math.ceil(Math.trunc((keys.hidden_size * keys.hidden_ratio * 2) / 3) / 256),
      mlpBias: false,
      normEps: keys.norm_eps,
      heads: keys.num_heads,
      headDim,
      chunk: keys.chunk_size,
      convSize: keys.conv_size,
      thetaMax: keys.theta_max ?? 1 / keys.chunk_size,
      alphaInit: keys.alpha_init,
      persistentTokens: keys.num_persistent_tokens,
    };
  },
  createMixer: (config) => new Titans(config),
});

export class Titans implements Mixer<TitansState> {
  readonly parameters: readonly ParameterSpec[];
  private readonly config: ModelConfig & TitansConfig;

  constructor(config: ModelConfig & TitansConfig) {
    const { hiddenSize, initializerRange: std, heads, headDim, convSize, alphaInit, persistentTokens } = config;
    this.config = config;
    const inner = heads * headDim;
    const projection = (name: string) => matrixParameter(`attn.${name}_proj.weight`, inner, hiddenSize, std);
    const gate = (name: string, bias: number): ParameterSpec[] => [
      matrixParameter(`attn.${name}_proj.weight`, heads, hiddenSize, std),
      {
        name: `attn.${name}_proj.bias`,
        shape: [heads],
        initialisation: { kind: 'constant', value: bias },
        decay: false,
      },
    ];
    this.parameters = [
      ...(persistentTokens === 0
        ? []
        : [{ ...matrixParameter('attn.persistent_tokens', persistentTokens, hiddenSize, std), decay: false }]),
      ...QKV.map(projection),
      ...QKV.map((name): ParameterSpec => ({
        name: `attn.${name}_conv1d.weight`,
        shape: [inner, 1, convSize],
        initialisation: { kind: 'normal', std },
        decay: true,
      })),
      ...gate('alpha', Math.log(alphaInit / (1 - alphaInit))),
      ...gate('eta', 0),
      ...gate('theta', 0),
      projection('g'),
      normParameter('attn.o_norm.weight', headDim),
      matrixParameter('attn.o_proj.weight', hiddenSize, inner, std),
    ];
  }

  forward(
    x: tf.Tensor3D,
    state: TitansState | null,
    context: MixerContext,
  ): { y: tf.Tensor3D; state: TitansState | null } {
    const { chunk } = this.config;
    const start = context.position === 0 ? this.beforeFirstToken(x.shape[0], context) : state!;
    const next = this.recall(x, start, { chunk, seen: context.position % chunk }, context);
    return { y: this.output(next.o, x, context), state: state === null ? null : next.state };
  }

  step(x: tf.Tensor2D, state: TitansState, context: MixerContext): { y: tf.Tensor2D; state: TitansState } {
    const next = this.forward(tf.expandDims(x, 1), state, context);
    return { y: tf.squeeze(next.y, [1]), state: next.state! };
  }

  initialState(batch: number): TitansState {
    const { heads, headDim, convSize } = this.config;
    const empty = () => tf.zeros<tf.Rank.R4>([batch, heads, headDim, headDim]);
    const nothing = () => tf.zeros<tf.Rank.R3>([batch, convSize - 1, heads * headDim]);
    return {
      memory: empty(),
      momentum: empty(),
      chunkStart: null,
      qConv: nothing(),
      kConv: nothing(),
      vConv: nothing(),
    };
  }

  fork(state: TitansState, copies: readonly number[]): TitansState {
    const rows = tf.tensor1d(
      copies.flatMap((count, row) => Array<number>(count).fill(row)),
      'int32',
    );
    return eachTensor(state, (x) => tf.gather(x, rows));
  }

  /** Memory and momentum, between two chunks; within one also the memory it started with. The inputs of the convolutions. */
  stateBytes(batch: number, position: number): number {
    const { heads, headDim, convSize, chunk } = this.config;
    const matrices = position % chunk === 0 ? 2 : 3;
    return 4 * batch * heads * headDim * (matrices * headDim + 3 * (convSize - 1));
  }

  /** q, k, v and their weighted forms, with copies by chunk; five matrices of a chunk; the state, twice. */
  workspace(length: number): number {
    const { heads, headDim, chunk } = this.config;
    return heads * (length * (20 * headDim + 6 * Math.min(chunk, length)) + 6 * headDim * headDim);
  }

  /** The state that the persistent tokens leave: they are a chunk of their own, the same for every row. */
  private beforeFirstToken(batch: number, context: MixerContext): TitansState {
    const { persistentTokens: chunk } = this.config;
    if (chunk === 0) return this.initialState(batch);
    return scope(() => {
      const tokens = tf.expandDims(context.weight('attn.persistent_tokens'), 0) as tf.Tensor3D;
      const { state } = this.recall(tokens, this.initialState(1), { chunk, seen: 0 }, context);
      return eachTensor(state, (x) => tf.tile(x, [batch, ...x.shape.slice(1).map(() => 1)]));
    });
  }

  /** What the memory answers to x [B, T, H], while it learns it: o [B, N, T, D]. */
  private recall(
    x: tf.Tensor3D,
    state: TitansState,
    attributes: NeuralMemoryAttributes,
    context: MixerContext,
  ): { o: tf.Tensor4D; state: TitansState } {
    const [batch, length] = x.shape;
    const { heads, headDim, thetaMax } = this.config;
    const [q, k, v] = QKV.map((name) => {
      const { y, state: conv } = shortConvolution(
        {
          x: linear(x, context.weight(`attn.${name}_proj.weight`)),
          weight: context.weight(`attn.${name}_conv1d.weight`),
          state: state[`${name}Conv`],
        },
        'silu',
      );
      return { y: tf.transpose(tf.reshape(y, [batch, length, heads, headDim]), [0, 2, 1, 3]), conv: conv! };
    }) as [Convolved, Convolved, Convolved];
    const gate = (name: string) => {
      const logits = linear(x, context.weight(`attn.${name}_proj.weight`), context.weight(`attn.${name}_proj.bias`));
      return tf.transpose(logits, [0, 2, 1]);
    };
    const next = neuralMemory(
      {
        q: l2Norm({ x: q.y }, null) as tf.Tensor4D,
        k: l2Norm({ x: k.y }, null) as tf.Tensor4D,
        v: v.y,
        logKeep: logSigmoid(tf.neg(gate('alpha'))) as tf.Tensor3D,
        logMomentum: logSigmoid(gate('eta')) as tf.Tensor3D,
        stepSize: tf.mul(tf.sigmoid(gate('theta')), thetaMax),
        state,
      },
      attributes,
    );
    return { o: next.o, state: { ...next.state, qConv: q.conv, kConv: k.conv, vConv: v.conv } };
  }

  /** Gated norm a head and projection: o [B, N, T, D], x [B, T, H] -> [B, T, H]. */
  private output(o: tf.Tensor4D, x: tf.Tensor3D, context: MixerContext): tf.Tensor3D {
    const [batch, heads, length, dim] = o.shape;
    const gate = tf.reshape(linear(x, context.weight('attn.g_proj.weight')), [batch, length, heads, dim]);
    const normed = gatedRmsNorm(
      { x: tf.transpose(o, [0, 2, 1, 3]), gate, weight: context.weight('attn.o_norm.weight') },
      { epsilon: this.config.normEps },
    );
    const merged = tf.reshape(normed, [batch, length, heads * dim]) as tf.Tensor3D;
    return linear(merged, context.weight('attn.o_proj.weight'));
  }
}

interface Convolved {
  readonly y: tf.Tensor4D;
  readonly conv: tf.Tensor3D;
}

function eachTensor(state: TitansState, f: <R extends tf.Rank>(x: tf.Tensor<R>) => tf.Tensor<R>): TitansState {
  const { memory, momentum, chunkStart, qConv, kConv, vConv } = state;
  return {
    memory: f(memory),
    momentum: f(momentum),
    chunkStart: chunkStart === null ? null : f(chunkStart),
    qConv: f(qConv),
    kConv: f(kConv),
    vConv: f(vConv),
  };
}
