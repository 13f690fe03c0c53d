// The GLA layer (Yang et al. 2024, "Gated Linear Attention Transformers with Hardware-Efficient Training"), as
// flash-linear-attention's `gla` computes it: linear attention whose state decays by a factor a key channel and token, which a
// projection of rank 16 makes from the input; RMSNorm per head gated by a swish.
import * as tf from '#tfjs';
import { z } from 'zod';
import { gatedLinearAttention, gatedLinearAttentionStep, gatedWorkspace } from '../../ops/gated-linear-attention.js';
import { linear } from '../../ops/linear.js';
import { logSigmoid } from '../../ops/softplus.js';
import { ATTENTION_KEYS, boolean, or, positiveInteger, positiveNumber, readKeys } from '../checkpoint/config-keys.js';
import { flaKeys, flaTrunk } from '../checkpoint/fla-keys.js';
import type { ModelConfig } from '../checkpoint/model-config.js';
import { CANONICAL, defineFamily, NORM_FIRST } from '../family.js';
import { forkRows } from '../fork-rows.js';
import type { Mixer, MixerContext, ParameterSpec } from '../mixer.js';
import { linearParameters } from '../parameter-spec.js';
import { GATED_NORM, GatedOutput, SEPARATE_NORM } from './gated-output.js';
import { expandedHeads } from './expanded-heads.js';
import { splitHeads } from './heads.js';
import { QueryKeyValue, type ConvolutionState } from './query-key-value.js';

export interface GlaConfig {
  readonly heads: number;
  /** Size of a head of q and k. */
  readonly keyDim: number;
  /** Size of a head of v. */
  readonly valueDim: number;
  /** Taps of the convolutions over q, k and v; null for none. */
  readonly convolutionTaps: number | null;
  /** The logarithm of a decay is no less than this; null for no bound. */
  readonly leastLogDecay: number | null;
  /** The norm of the output is gated by silu(g_proj x). */
  readonly outputGate: boolean;
  /** That norm has a weight. */
  readonly normWeight: boolean;
}

export interface GlaState {
  /** S, [B, N, Dk, Dv] */
  readonly memory: tf.Tensor4D;
  readonly convolved: ConvolutionState;
}

/** Constants of the reference's layer, no settings of its models. */
const GATE_RANK = 16;
const GATE_NORMALISER = 16;

export class Gla implements Mixer<GlaState> {
  readonly parameters: readonly ParameterSpec[];
  private readonly config: ModelConfig & GlaConfig;
  private readonly projections: QueryKeyValue;
  private readonly output: GatedOutput;

  constructor(config: ModelConfig & GlaConfig) {
    const { hiddenSize, initializerRange, heads, keyDim, valueDim } = config;
    this.config = config;
    this.projections = new QueryKeyValue({ ...config, keySize: heads * keyDim, valueSize: heads * valueDim });
    this.output = new GatedOutput(config, GATED_NORM);
    this.parameters = [
      ...this.projections.parameters,
      ...linearParameters('attn.gk_proj.0', GATE_RANK, hiddenSize, false, initializerRange),
      ...linearParameters('attn.gk_proj.1', heads * keyDim, GATE_RANK, true, initializerRange),
      ...this.output.parameters,
    ];
  }

  forward(x: tf.Tensor3D, state: GlaState | null, context: MixerContext) {
    return this.mix(x, state, context, gatedLinearAttention);
  }

  step(x: tf.Tensor2D, state: GlaState, context: MixerContext) {
    const next = this.mix(tf.expandDims(x, 1), state, context, gatedLinearAttentionStep);
    return { y: tf.squeeze<tf.Tensor2D>(next.y, [1]), state: next.state! };
  }

  initialState(batch: number): GlaState {
    const { heads, keyDim, valueDim } = this.config;
    return {
      memory: tf.zeros([batch, heads, keyDim, valueDim]),
      convolved: this.projections.initialState(batch),
    };
  }

  fork({ memory, convolved }: GlaState, copies: readonly number[]): GlaState {
    return { memory: forkRows(memory, copies), convolved: this.projections.fork(convolved, copies) };
  }

  /** The same at every position. */
  stateBytes(batch: number): number {
    const { heads, keyDim, valueDim } = this.config;
    return 4 * batch * (heads * keyDim * valueDim + this.projections.stateSize());
  }

  workspace(length: number): number {
    const { heads, keyDim, valueDim } = this.config;
    return length * this.projections.workspacePerToken() + heads * gatedWorkspace(length, keyDim, valueDim, 'keys');
  }

  private mix(
    x: tf.Tensor3D,
    state: GlaState | null,
    context: MixerContext,
    attend: typeof gatedLinearAttention,
  ): { y: tf.Tensor3D; state: GlaState | null } {
    const { heads, keyDim } = this.config;
    const { q, k, v, state: convolved } = this.projections.forward(x, state?.convolved ?? null, context);
    const { o, state: memory } = attend(
      {
        q: splitHeads(q, heads),
        k: splitHeads(k, heads),
        v: splitHeads(v, heads),
        logDecay: splitHeads(this.logDecay(x, context), heads),
        state: state?.memory ?? null,
      },
      'keys',
      keyDim ** -0.5,
    );
    return { y: this.output.forward(o, x, context), state: state === null ? null : { memory, convolved } };
  }

  /** [B, T, H] -> [B, T, N Dk] */
  private logDecay(x: tf.Tensor3D, context: MixerContext): tf.Tensor3D {
    const { leastLogDecay } = this.config;
    const narrow = linear(x, context.matrix('attn.gk_proj.0.weight'));
    const gate = linear(narrow, context.matrix('attn.gk_proj.1.weight'), context.weight('attn.gk_proj.1.bias'));
    const logDecay = tf.div(logSigmoid(gate), GATE_NORMALISER) as tf.Tensor3D;
    return leastLogDecay === null ? logDecay : tf.maximum(logDecay, leastLogDecay);
  }
}

const glaKeys = flaKeys.omit(ATTENTION_KEYS).extend({
  num_heads: or(positiveInteger, 4),
  num_kv_heads: positiveInteger.nullish(),
  expand_k: or(positiveNumber, 0.5),
  expand_v: or(positiveNumber, 1),
  use_short_conv: or(boolean, false),
  conv_size: or(positiveInteger, 4),
  clamp_min: z.number('expected a number of at most 0').max(0, 'expected a number of at most 0').nullish(),
  use_output_gate: or(boolean, true),
  elementwise_affine: or(boolean, true),
  use_gk: z.literal(true, 'expected true').nullish(),
  use_gv: z.literal(false, 'expected false').nullish(),
});

export const gla = defineFamily({
  layouts: [CANONICAL, NORM_FIRST, SEPARATE_NORM],
  readConfig(raw, file): ModelConfig & GlaConfig {
    const keys = readKeys(glaKeys, raw, file);
    return {
      ...flaTrunk('gla', keys, file),
      ...expandedHeads(keys, file),
      convolutionTaps: keys.use_short_conv ? keys.conv_size : null,
      leastLogDecay: keys.clamp_min ?? null,
      outputGate: keys.use_output_gate,
      normWeight: keys.elementwise_affine,
    };
  },
  createMixer: (config) => new Gla(config),
});
