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
import { logSigmoid } from '../../ops/softplus.js';
import { configError, or, positiveInteger, positiveNumber, readKeys } from '../checkpoint/config-keys.js';
import { flaKeys, flaTrunk } from '../checkpoint/fla-keys.js';
import type { ModelConfig } from '../checkpoint/model-config.js';
import { CANONICAL, defineFamily } from '../family.js';
import { forkRows } from '../fork-rows.js';
import type { Mixer, MixerContext, ParameterSpec } from '../mixer.js';
import { matrixParameter, normParameter } from '../parameter-spec.js';
import { splitHeads } from './heads.js';
import { QueryKeyValue, type ConvolutionState } from './query-key-value.js';

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

/** The memory, and the last inputs of the convolutions. */
export interface TitansState extends NeuralMemoryState {
  readonly convolved: ConvolutionState;
}

/** A choice that the paper leaves open and that is not offered otherwise: stated, so that no file can mean another. */
const only = <T extends string>(value: T) => or(z.literal(value, `expected ${value}`), value);
const fraction = z
  .number('expected a number between 0 and 1')
  .gt(0, 'expected more than 0')
  .lt(1, 'expected less than 1');
const count = z.int('expected 0 or a positive integer').nonnegative('expected 0 or a positive integer');

const titansKeys = flaKeys.omit({ rope_theta: true, rope_parameters: true, rope_scaling: true }).extend({
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
      ...flaTrunk('titans', keys, file),
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
  readonly period: number;
  private readonly config: ModelConfig & TitansConfig;
  private readonly projections: QueryKeyValue;

  constructor(config: ModelConfig & TitansConfig) {
    const { hiddenSize, initializerRange: std, heads, headDim, convSize, alphaInit, persistentTokens } = config;
    const inner = heads * headDim;
    this.config = config;
    this.period = config.chunk;
    this.projections = new QueryKeyValue({ ...config, keySize: inner, valueSize: inner, convolutionTaps: convSize });
    const persistent: ParameterSpec = {
      name: 'attn.persistent_tokens',
      shape: [persistentTokens, hiddenSize],
      initialisation: { kind: 'normal', std },
      decay: false,
    };
    const gate = (name: string, bias: number): ParameterSpec[] => [
      matrixParameter(`attn.${name}.weight`, heads, hiddenSize, std),
      {
        name: `attn.${name}.bias`,
        shape: [heads],
        initialisation: { kind: 'constant', value: bias },
        decay: false,
      },
    ];
    this.parameters = [
      ...(persistentTokens === 0 ? [] : [persistent]),
      ...this.projections.parameters,
      ...gate('alpha_proj', Math.log(alphaInit / (1 - alphaInit))),
      ...gate('eta_proj', 0),
      ...gate('theta_proj', 0),
      matrixParameter('attn.g_proj.weight', inner, hiddenSize, std),
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
    const { heads, headDim } = this.config;
    return {
      memory: tf.zeros([batch, heads, headDim, headDim]),
      momentum: tf.zeros([batch, heads, headDim, headDim]),
      chunkStart: null,
      convolved: this.projections.initialState(batch),
    };
  }

  fork(state: TitansState, copies: readonly number[]): TitansState {
    return mapState(state, (x) => forkRows(x, copies));
  }

  /** Memory and momentum, and within a chunk the memory that it started with. */
  stateBytes(batch: number, position: number): number {
    const { heads, headDim, chunk } = this.config;
    const matrices = position % chunk === 0 ? 2 : 3;
    return 4 * batch * (matrices * heads * headDim ** 2 + this.projections.stateSize());
  }

  /** q, k, v and their weighted forms, with copies by chunk; square matrices a chunk; the state, twice. */
  workspace(length: number): number {
    const { heads, headDim, chunk } = this.config;
    return heads * (length * (24 * headDim + 8 * Math.min(chunk, length)) + 6 * headDim * headDim);
  }

  /** The state that the persistent tokens leave: they are a chunk of their own, the same for every row. */
  private beforeFirstToken(batch: number, context: MixerContext): TitansState {
    const { persistentTokens: chunk } = this.config;
    if (chunk === 0) return this.initialState(batch);
    return scope(() => {
      const tokens = tf.expandDims(context.weight('attn.persistent_tokens'), 0) as tf.Tensor3D;
      const { state } = this.recall(tokens, this.initialState(1), { chunk, seen: 0 }, context);
      return mapState(state, (x) => tf.tile(x, [batch, ...x.shape.slice(1).map(() => 1)]));
    });
  }

  /** What the memory answers to x [B, T, H] while it learns it: o [B, N, T, D]. */
  private recall(
    x: tf.Tensor3D,
    state: TitansState,
    attributes: NeuralMemoryAttributes,
    context: MixerContext,
  ): { o: tf.Tensor4D; state: TitansState } {
    const { heads, thetaMax } = this.config;
    const { q, k, v, state: convolved } = this.projections.forward(x, state.convolved, context);
    const unitHeads = (x: tf.Tensor3D) => l2Norm({ x: splitHeads(x, heads) }, null) as tf.Tensor4D;
    const gate = (name: string) => {
      const logits = linear(x, context.matrix(`attn.${name}.weight`), context.weight(`attn.${name}.bias`));
      return tf.transpose(logits, [0, 2, 1]);
    };
    const { o, state: next } = neuralMemory(
      {
        q: unitHeads(q),
        k: unitHeads(k),
        v: splitHeads(v, heads),
        logKeep: logSigmoid(tf.neg(gate('alpha_proj'))) as tf.Tensor3D,
        logMomentum: logSigmoid(gate('eta_proj')) as tf.Tensor3D,
        stepSize: tf.mul(tf.sigmoid(gate('theta_proj')), thetaMax),
        state,
      },
      attributes,
    );
    return { o, state: { ...next, convolved } };
  }

  /** Gated norm a head and projection: o [B, N, T, D], x [B, T, H] -> [B, T, H]. */
  private output(o: tf.Tensor4D, x: tf.Tensor3D, context: MixerContext): tf.Tensor3D {
    const [batch, heads, length, dim] = o.shape;
    const gate = tf.reshape(linear(x, context.matrix('attn.g_proj.weight')), [batch, length, heads, dim]);
    const normed = gatedRmsNorm(
      { x: tf.transpose(o, [0, 2, 1, 3]), gate, weight: context.weight('attn.o_norm.weight') },
      { epsilon: this.config.normEps },
    );
    const merged = tf.reshape(normed, [batch, length, heads * dim]) as tf.Tensor3D;
    return linear(merged, context.matrix('attn.o_proj.weight'));
  }
}

function mapState(state: TitansState, f: <R extends tf.Rank>(x: tf.Tensor<R>) => tf.Tensor<R>): TitansState {
  const { memory, momentum, chunkStart, convolved } = state;
  return {
    memory: f(memory),
    momentum: f(momentum),
    chunkStart: chunkStart === null ? null : f(chunkStart),
    convolved: convolved.map((inputs) => f(inputs)),
  };
}
