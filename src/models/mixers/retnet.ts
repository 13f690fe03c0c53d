// The RetNet layer (Sun et al. 2023, "Retentive Network"), as flash-linear-attention's `retnet` computes it: q and k with
// RoPE, linear attention whose state decays by gamma = 1 - 2^(-5 - h) a token in head h, RMSNorm per head gated by a swish.
import * as tf from '#tfjs';
import { z } from 'zod';
import { constant } from '../../ops/constants.js';
import {
  decayedLinearAttention,
  decayedLinearAttentionStep,
  decayedWorkspace,
} from '../../ops/decayed-linear-attention.js';
import { rotate } from '../../ops/rotary.js';
import {
  ATTENTION_KEYS,
  boolean,
  configError,
  or,
  positiveInteger,
  positiveNumber,
  readKeys,
} from '../checkpoint/config-keys.js';
import { flaKeys, flaTrunk } from '../checkpoint/fla-keys.js';
import type { ModelConfig } from '../checkpoint/model-config.js';
import { CANONICAL, defineFamily, NORM_FIRST } from '../family.js';
import { forkRows } from '../fork-rows.js';
import type { Mixer, MixerContext, ParameterSpec } from '../mixer.js';
import { GATED_NORM, GatedOutput, SEPARATE_NORM } from './gated-output.js';
import { expandedHeads } from './expanded-heads.js';
import { splitHeads } from './heads.js';
import { QueryKeyValue } from './query-key-value.js';

export interface RetNetConfig {
  readonly heads: number;
  /** Size of a head of q and k. */
  readonly keyDim: number;
  /** Size of a head of v. */
  readonly valueDim: number;
  /** The norm of the output is gated by silu(g_proj x). */
  readonly outputGate: boolean;
  /** That norm has a weight. */
  readonly normWeight: boolean;
}

/** S, [B, N, Dk, Dv] */
export interface RetNetState {
  readonly memory: tf.Tensor4D;
}

/** The layer's rotary embedding has no setting. */
const ROPE_THETA = 10_000;

export class RetNet implements Mixer<RetNetState> {
  readonly parameters: readonly ParameterSpec[];
  private readonly config: ModelConfig & RetNetConfig;
  private readonly projections: QueryKeyValue;
  private readonly output: GatedOutput;

  constructor(config: ModelConfig & RetNetConfig) {
    const { heads, keyDim, valueDim } = config;
    this.config = config;
    this.projections = new QueryKeyValue({
      ...config,
      keySize: heads * keyDim,
      valueSize: heads * valueDim,
      convolutionTaps: null,
      // A head whose output is small is divided by its norm: what is lost of q and k shows there.
      roundedLate: true,
    });
    this.output = new GatedOutput(config, GATED_NORM);
    this.parameters = [...this.projections.parameters, ...this.output.parameters];
  }

  forward(x: tf.Tensor3D, state: RetNetState | null, context: MixerContext) {
    return this.mix(x, state, context, decayedLinearAttention);
  }

  step(x: tf.Tensor2D, state: RetNetState, context: MixerContext) {
    const next = this.mix(tf.expandDims(x, 1), state, context, decayedLinearAttentionStep);
    return { y: tf.squeeze<tf.Tensor2D>(next.y, [1]), state: next.state! };
  }

  initialState(batch: number): RetNetState {
    const { heads, keyDim, valueDim } = this.config;
    return { memory: tf.zeros([batch, heads, keyDim, valueDim]) };
  }

  fork({ memory }: RetNetState, copies: readonly number[]): RetNetState {
    return { memory: forkRows(memory, copies) };
  }

  /** The same at every position. */
  stateBytes(batch: number): number {
    const { heads, keyDim, valueDim } = this.config;
    return 4 * batch * heads * keyDim * valueDim;
  }

  /** Beside the retention itself: projections, rotation, the gate and the norm. */
  workspace(length: number): number {
    const { heads, keyDim, valueDim } = this.config;
    const around = heads * length * (14 * keyDim + 10 * valueDim);
    return around + decayedWorkspace(length, heads, heads, keyDim, valueDim);
  }

  private mix(
    x: tf.Tensor3D,
    state: RetNetState | null,
    context: MixerContext,
    attend: typeof decayedLinearAttention,
  ): { y: tf.Tensor3D; state: RetNetState | null } {
    const { heads, keyDim } = this.config;
    const { q, k, v } = this.projections.forward(x, null, context);
    const place = (x: tf.Tensor3D, scale = 1) =>
      rotate(splitHeads(x, heads), ROPE_THETA, context.position, { scale, packed: context.inHalves });
    const { o, state: memory } = attend({
      q: place(q, keyDim ** -0.5),
      k: place(k),
      v: splitHeads(v, heads),
      logDecay: logDecays(x.shape[0], heads, x.shape[1]),
      state: state?.memory ?? null,
    });
    return { y: this.output.forward(o, x, context), state: state === null ? null : { memory } };
  }
}

/** log(1 - 2^(-5 - h)) for every row and token: [B, N, T] */
function logDecays(batch: number, heads: number, length: number): tf.Tensor3D {
  const perHead = constant(`retention-log-decays/${heads}`, () =>
    tf.tensor3d(
      Array.from({ length: heads }, (_, head) => Math.log1p(-(2 ** (-5 - head)))),
      [1, heads, 1],
    ),
  );
  return tf.tile(perHead, [batch, 1, length]);
}

const retNetKeys = flaKeys.omit(ATTENTION_KEYS).extend({
  num_heads: or(positiveInteger, 8),
  num_kv_heads: positiveInteger.nullish(),
  expand_k: or(positiveNumber, 1),
  expand_v: or(positiveNumber, 2),
  hidden_ratio: or(positiveNumber, 2),
  use_output_gate: or(boolean, true),
  elementwise_affine: or(boolean, true),
  use_short_conv: z.literal(false, 'expected false').nullish(),
  conv_size: positiveInteger.nullish(), // without convolutions it says nothing
});

export const retnet = defineFamily({
  layouts: [CANONICAL, NORM_FIRST, SEPARATE_NORM],
  readConfig(raw, file): ModelConfig & RetNetConfig {
    const keys = readKeys(retNetKeys, raw, file);
    const heads = expandedHeads(keys, file);
    if (heads.keyDim % 2 !== 0)
      throw configError(file, `a rotary embedding needs an even head size, and this one is ${heads.keyDim}`);
    return {
      ...flaTrunk('retnet', keys, file),
      ...heads,
      outputGate: keys.use_output_gate,
      normWeight: keys.elementwise_affine,
    };
  },
  createMixer: (config) => new RetNet(config),
});
