// How the layers of RetNet, GLA and the delta rule end in flash-linear-attention: RMSNorm of every head, gated by silu(g_proj x) where the
// configuration says so, and the output projection.
import * as tf from '#tfjs';
import { constant } from '../../ops/constants.js';
import { gatedRmsNorm } from '../../ops/gated-rms-norm.js';
import { linear } from '../../ops/linear.js';
import { rmsNorm } from '../../ops/rms-norm.js';
import type { Renames } from '../family.js';
import type { MixerContext, ParameterSpec } from '../mixer.js';
import { matrixParameter, normParameter } from '../parameter-spec.js';

export interface GatedOutputConfig {
  readonly hiddenSize: number;
  readonly initializerRange: number;
  readonly normEps: number;
  readonly heads: number;
  /** Size of a head of the values. */
  readonly valueDim: number;
  readonly outputGate: boolean;
  /** The norm has a weight. */
  readonly normWeight: boolean;
}

/** The norm's name in RetNet and GLA. */
export const GATED_NORM = 'attn.g_norm_swish_gate';

/** That name where it is not fused with the gate: `fuse_norm` false, or no gate. The mathematics is the same. */
export const SEPARATE_NORM: Renames = [['.g_norm_swish_gate.', '.g_norm.']];

export class GatedOutput {
  readonly parameters: readonly ParameterSpec[];
  private readonly config: GatedOutputConfig;
  private readonly norm: string;

  /** `norm` is the norm's name in the layer. */
  constructor(config: GatedOutputConfig, norm: string) {
    const { hiddenSize, initializerRange, heads, valueDim, outputGate, normWeight } = config;
    this.config = config;
    this.norm = `${norm}.weight`;
    this.parameters = [
      ...(outputGate ? [matrixParameter('attn.g_proj.weight', heads * valueDim, hiddenSize, initializerRange)] : []),
      ...(normWeight ? [normParameter(this.norm, valueDim)] : []),
      matrixParameter('attn.o_proj.weight', hiddenSize, heads * valueDim, initializerRange),
    ];
  }

  /** o [B, N, T, Dv] of the layer's input x [B, T, H] -> [B, T, H] */
  forward(o: tf.Tensor4D, x: tf.Tensor3D, context: MixerContext): tf.Tensor3D {
    const { normEps, heads, valueDim, outputGate, normWeight } = this.config;
    const [batch, length] = x.shape;
    const perToken = tf.transpose(o, [0, 2, 1, 3]);
    const weight = normWeight ? context.weight(this.norm) : ones(valueDim);
    const epsilon = { epsilon: normEps };
    const normed = outputGate
      ? gatedRmsNorm({ x: perToken, gate: this.gate(x, context), weight }, epsilon)
      : rmsNorm({ x: perToken, weight }, epsilon);
    const merged = tf.reshape(normed, [batch, length, heads * valueDim]) as tf.Tensor3D;
    return linear(merged, context.matrix('attn.o_proj.weight'));
  }

  /** [B, T, H] -> [B, T, N, Dv] */
  private gate(x: tf.Tensor3D, context: MixerContext): tf.Tensor4D {
    const [batch, length] = x.shape;
    const gate = linear(x, context.matrix('attn.g_proj.weight'));
    return tf.reshape(gate, [batch, length, this.config.heads, this.config.valueDim]);
  }
}

/** The weight of a norm that has none, [size]. */
export function ones(size: number): tf.Tensor1D {
  return constant(`ones/${size}`, () => tf.ones([size]));
}
