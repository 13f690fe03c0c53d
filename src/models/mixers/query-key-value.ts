// q, k and v of flash-linear-attention's layers: projections without bias, each followed by a causal depthwise convolution
// with SiLU where the configuration says so.
import * as tf from '#tfjs';
import { linears, type HeldProduct } from '../../ops/linear.js';
import { shortConvolution } from '../../ops/short-convolution.js';
import { forkRows } from '../fork-rows.js';
import type { MixerContext, ParameterSpec } from '../mixer.js';
import { matrixParameter } from '../parameter-spec.js';

export interface QueryKeyValueConfig {
  readonly hiddenSize: number;
  readonly initializerRange: number;
  /** Channels of q and of k. */
  readonly keySize: number;
  /** Channels of v. */
  readonly valueSize: number;
  /** Taps of the convolutions; null for none. */
  readonly convolutionTaps: number | null;
  /** q and k are rounded to f16 behind what follows, not before; v may be at once. */
  readonly roundedLate?: boolean;
}

/** The last taps - 1 inputs of the convolutions of q, k and v, [B, taps - 1, channels] each; empty without convolutions. */
export type ConvolutionState = readonly tf.Tensor3D[];

const NAMES = ['q', 'k', 'v'] as const;

export class QueryKeyValue {
  readonly parameters: readonly ParameterSpec[];
  private readonly taps: number | null;
  private readonly held: readonly HeldProduct[];
  /** Of q, k and v. */
  private readonly channels: readonly [number, number, number];

  constructor(config: QueryKeyValueConfig) {
    const { hiddenSize, initializerRange, keySize, valueSize, convolutionTaps, roundedLate = false } = config;
    this.taps = convolutionTaps;
    this.held = roundedLate ? ['f32', 'f32'] : [];
    this.channels = [keySize, keySize, valueSize];
    this.parameters = NAMES.flatMap((name, i) => [
      matrixParameter(`attn.${name}_proj.weight`, this.channels[i]!, hiddenSize, initializerRange),
      ...(convolutionTaps === null
        ? []
        : [convolutionParameter(`attn.${name}_conv1d.weight`, this.channels[i]!, convolutionTaps, initializerRange)]),
    ]);
  }

  /** x [B, T, H] -> q, k [B, T, keySize], v [B, T, valueSize] */
  forward(x: tf.Tensor3D, state: ConvolutionState | null, context: MixerContext) {
    const next: tf.Tensor3D[] = [];
    const projections = linears(
      x,
      NAMES.map((name) => context.matrix(`attn.${name}_proj.weight`)),
      this.held,
    );
    const [q, k, v] = NAMES.map((name, i) => {
      const projected = projections[i]!;
      if (this.taps === null) return projected;
      const weight = context.weight(`attn.${name}_conv1d.weight`);
      const convolved = shortConvolution({ x: projected, weight, state: state?.[i] ?? null }, 'silu');
      if (convolved.state !== null) next.push(convolved.state);
      return convolved.y;
    }) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
    return { q, k, v, state: next as ConvolutionState };
  }

  initialState(batch: number): ConvolutionState {
    const { taps } = this;
    return taps === null ? [] : this.channels.map((channels) => tf.zeros([batch, taps - 1, channels]));
  }

  fork(state: ConvolutionState, copies: readonly number[]): ConvolutionState {
    return state.map((inputs) => forkRows(inputs, copies));
  }

  /** Elements held at the peak for one token: projections, and a product and sum a tap. */
  workspacePerToken(): number {
    const copies = this.taps === null ? 1 : 3 * this.taps + 4;
    return this.channels.reduce((sum, channels) => sum + copies * channels, 0);
  }

  /** Elements of the state of one row. */
  stateSize(): number {
    const { taps } = this;
    return taps === null ? 0 : this.channels.reduce((sum, channels) => sum + (taps - 1) * channels, 0);
  }
}

/** weight [channels, 1, taps] */
export function convolutionParameter(name: string, channels: number, taps: number, std: number): ParameterSpec {
  return { name, shape: [channels, 1, taps], initialisation: { kind: 'normal', std }, decay: true };
}
