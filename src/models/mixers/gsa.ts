// The GSA layer (Zhang et al. 2024, "Gated Slot Attention"), as flash-linear-attention's `gsa` computes it: M slots a head hold
// keys K [Dk, M] and values V [M, Dv], which a gate a slot and token fades out as it writes the token in,
//   K[t] = K[t-1] diag(exp f[t]) + k[t] s[t]^T;  V[t] = diag(exp f[t]) V[t-1] + s[t] v[t]^T;  s[t] = 1 - exp(f[t])
//   o[t] = V[t]^T softmax(K[t]^T q[t]),
// which is gated linear attention twice: with the decay along the values, then along the keys.
import * as tf from '#tfjs';
import { z } from 'zod';
import { gatedLinearAttention, gatedLinearAttentionStep, gatedWorkspace } from '../../ops/gated-linear-attention.js';
import { linear } from '../../ops/linear.js';
import { rmsNorm } from '../../ops/rms-norm.js';
import { silu } from '../../ops/silu.js';
import { logSigmoid } from '../../ops/softplus.js';
import {
  ATTENTION_KEYS,
  boolean,
  configError,
  or,
  positiveInteger,
  positiveNumber,
  readKeys,
  sameSetting,
} from '../checkpoint/config-keys.js';
import { flaKeys, flaTrunk } from '../checkpoint/fla-keys.js';
import type { ModelConfig } from '../checkpoint/model-config.js';
import { CANONICAL, defineFamily, NORM_FIRST } from '../family.js';
import { forkRows } from '../fork-rows.js';
import type { Mixer, MixerContext, ParameterSpec } from '../mixer.js';
import { matrixParameter, normParameter } from '../parameter-spec.js';
import { expandedHeads } from './expanded-heads.js';
import { ones } from './gated-output.js';
import { mergeHeads, splitHeads } from './heads.js';
import { QueryKeyValue, type ConvolutionState } from './query-key-value.js';

export interface GsaConfig {
  readonly heads: number;
  /** Size of a head of q and k. */
  readonly keyDim: number;
  /** Size of a head of v. */
  readonly valueDim: number;
  /** M, slots a head. */
  readonly slots: number;
  /** f = log sigmoid(f_proj x) / gateNormaliser */
  readonly gateNormaliser: number;
  /** Taps of the convolutions over q, k and v; null for none. */
  readonly convolutionTaps: number | null;
  /** The norm of the output has a weight. */
  readonly normWeight: boolean;
}

export interface GsaState {
  /** K, [B, N, Dk, M] */
  readonly slotKeys: tf.Tensor4D;
  /** V, [B, N, M, Dv] */
  readonly slotValues: tf.Tensor4D;
  readonly convolved: ConvolutionState;
}

/** flash-linear-attention norms the output with its kernel's own default, not with `norm_eps`. */
const OUTPUT_NORM_EPS = 1e-5;

export class Gsa implements Mixer<GsaState> {
  readonly parameters: readonly ParameterSpec[];
  private readonly config: ModelConfig & GsaConfig;
  private readonly projections: QueryKeyValue;

  constructor(config: ModelConfig & GsaConfig) {
    const { hiddenSize, initializerRange, heads, keyDim, valueDim, slots, normWeight } = config;
    this.config = config;
    this.projections = new QueryKeyValue({ ...config, keySize: heads * keyDim, valueSize: heads * valueDim });
    this.parameters = [
      ...this.projections.parameters,
      matrixParameter('attn.f_proj.weight', heads * slots, hiddenSize, initializerRange),
      ...(normWeight ? [normParameter('attn.g_norm.weight', hiddenSize)] : []),
      matrixParameter('attn.o_proj.weight', hiddenSize, heads * valueDim, initializerRange),
    ];
  }

  forward(x: tf.Tensor3D, state: GsaState | null, context: MixerContext) {
    return this.mix(x, state, context, gatedLinearAttention);
  }

  step(x: tf.Tensor2D, state: GsaState, context: MixerContext) {
    const next = this.mix(tf.expandDims(x, 1), state, context, gatedLinearAttentionStep);
    return { y: tf.squeeze<tf.Tensor2D>(next.y, [1]), state: next.state! };
  }

  initialState(batch: number): GsaState {
    const { heads, keyDim, valueDim, slots } = this.config;
    return {
      slotKeys: tf.zeros([batch, heads, keyDim, slots]),
      slotValues: tf.zeros([batch, heads, slots, valueDim]),
      convolved: this.projections.initialState(batch),
    };
  }

  fork({ slotKeys, slotValues, convolved }: GsaState, copies: readonly number[]): GsaState {
    return {
      slotKeys: forkRows(slotKeys, copies),
      slotValues: forkRows(slotValues, copies),
      convolved: this.projections.fork(convolved, copies),
    };
  }

  /** The same at every position. */
  stateBytes(batch: number): number {
    const { heads, keyDim, valueDim, slots } = this.config;
    return 4 * batch * (heads * slots * (keyDim + valueDim) + this.projections.stateSize());
  }

  workspace(length: number): number {
    const { heads, keyDim, valueDim, slots } = this.config;
    const passes = [gatedWorkspace(length, keyDim, slots, 'values'), gatedWorkspace(length, slots, valueDim, 'keys')];
    const activations = heads * 3 * length * (keyDim + valueDim + slots);
    return length * this.projections.workspacePerToken() + activations + heads * Math.max(...passes);
  }

  private mix(
    x: tf.Tensor3D,
    state: GsaState | null,
    context: MixerContext,
    attend: typeof gatedLinearAttention,
  ): { y: tf.Tensor3D; state: GsaState | null } {
    const { heads } = this.config;
    const { q, k, v, state: convolved } = this.projections.forward(x, state?.convolved ?? null, context);
    const logDecay = splitHeads(this.logDecay(x, context), heads);
    const written = tf.sub(1, tf.exp(logDecay)) as tf.Tensor4D;
    const { o: scores, state: slotKeys } = attend(
      {
        q: splitHeads(silu(q) as tf.Tensor3D, heads),
        k: splitHeads(silu(k) as tf.Tensor3D, heads),
        v: written,
        logDecay,
        state: state?.slotKeys ?? null,
      },
      'values',
    );
    const { o, state: slotValues } = attend(
      {
        q: tf.softmax(scores),
        k: written,
        v: splitHeads(silu(v) as tf.Tensor3D, heads),
        logDecay,
        state: state?.slotValues ?? null,
      },
      'keys',
    );
    return { y: this.output(o, context), state: state === null ? null : { slotKeys, slotValues, convolved } };
  }

  /** [B, T, H] -> [B, T, N M] */
  private logDecay(x: tf.Tensor3D, context: MixerContext): tf.Tensor3D {
    return tf.div(logSigmoid(linear(x, context.matrix('attn.f_proj.weight'))), this.config.gateNormaliser);
  }

  /** RMSNorm over all heads of silu(o), projected: [B, N, T, Dv] -> [B, T, H] */
  private output(o: tf.Tensor4D, context: MixerContext): tf.Tensor3D {
    const { hiddenSize, normWeight } = this.config;
    const weight = normWeight ? context.weight('attn.g_norm.weight') : ones(hiddenSize);
    const normed = rmsNorm({ x: silu(mergeHeads(o)), weight }, { epsilon: OUTPUT_NORM_EPS }) as tf.Tensor3D;
    return linear(normed, context.matrix('attn.o_proj.weight'));
  }
}

const gsaKeys = flaKeys.omit(ATTENTION_KEYS).extend({
  num_heads: or(positiveInteger, 4),
  num_kv_heads: positiveInteger.nullish(),
  num_slots: positiveInteger.nullable().default(64),
  expand_k: positiveNumber.nullish(),
  expand_v: positiveNumber.nullish(),
  exapnd_k: positiveNumber.nullish(), // so spelt in the reference's arguments
  exapnd_v: positiveNumber.nullish(),
  gate_logit_normalizer: or(positiveNumber, 8),
  feature_map: z.literal('swish', 'expected swish').nullish(),
  use_short_conv: or(boolean, false),
  conv_size: or(positiveInteger, 4),
  elementwise_affine: or(boolean, true),
  use_norm: z.literal(true, 'expected true').nullish(),
  use_output_gate: z.literal(false, 'expected false').nullish(),
});

export const gsa = defineFamily({
  layouts: [CANONICAL, NORM_FIRST],
  readConfig(raw, file): ModelConfig & GsaConfig {
    const keys = readKeys(gsaKeys, raw, file);
    const expand = (side: 'k' | 'v') =>
      sameSetting(keys[`expand_${side}`], keys[`exapnd_${side}`], `"expand_${side}" and "exapnd_${side}"`, file) ?? 1;
    const heads = expandedHeads({ ...keys, expand_k: expand('k'), expand_v: expand('v') }, file);
    if (heads.heads * heads.valueDim !== keys.hidden_size)
      throw configError(
        file,
        `"expand_v" is ${expand('v')}, expected 1: the norm of the output is as wide as the model`,
      );
    return {
      ...flaTrunk('gsa', keys, file),
      ...heads,
      slots: keys.num_slots ?? heads.keyDim,
      gateNormaliser: keys.gate_logit_normalizer,
      convolutionTaps: keys.use_short_conv ? keys.conv_size : null,
      normWeight: keys.elementwise_affine,
    };
  },
  createMixer: (config) => new Gsa(config),
});
