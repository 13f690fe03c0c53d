// The sequence mixer of one decoder layer: everything that tells a SWAT layer from a RetNet or a Mamba one.
import type { Tensor, Tensor2D, Tensor3D } from '#tfjs';
import type { Matrix } from '../ops/linear.js';

export type Initialisation =
  | { readonly kind: 'normal'; readonly std: number }
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'ones' }
  | { readonly kind: 'zeros' }
  /** Uniform in (low, high). */
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number }
  /** log(1), log(2), ..., log(N) along the last dimension. */
  | { readonly kind: 'log-of-range' }
  /** log(u), u uniform in (low, high). */
  | { readonly kind: 'log-of-uniform'; readonly low: number; readonly high: number }
  /** x with softplus(x) = e^u, u uniform in (log low, log high). */
  | { readonly kind: 'inverse-softplus-of-log-uniform'; readonly low: number; readonly high: number };

export interface ParameterSpec {
  /** Name in the checkpoint, inside the layer: `attn.q_proj.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly initialisation: Initialisation;
  /** Whether AdamW decays it (matrices yes; norms, biases and embeddings no). */
  readonly decay: boolean;
  /** Read as a `MixerContext.matrix`, so that a model in f16 may pack it. */
  readonly matrix?: true;
}

/** What a layer's forward pass needs beside its input: its weights by name, and where in the sequence it stands. */
export interface MixerContext {
  /** The parameter of this layer with a name of `Mixer.parameters`. */
  weight(name: string): Tensor;
  /** The same for the weight of a `linear`, which may be kept in f16. */
  matrix(name: string): Matrix;
  /** Absolute position of the first token of the input. */
  readonly position: number;
  /** Many tokens go through a model that only computes forwards in f16, so that what a layer computes may be rounded to it. */
  readonly inHalves: boolean;
}

/**
 * Shapes: B rows, T tokens, H hidden size. S is the layer's recurrent state (for attention: the keys and values in reach).
 * A mixer is a function of its input, state and weights; the parallel and the step form agree.
 */
export interface Mixer<S = unknown> {
  readonly parameters: readonly ParameterSpec[];
  /** Tokens of a mini-batch, where the step form does something else at each of its places; one in most families. */
  readonly period?: number;
  /** What the block does to its input, [B, T, H], ahead of the norm before `forward`; nothing in most families. */
  enter?(x: Tensor3D, state: S | null, context: MixerContext): { x: Tensor3D; state: S | null };
  /** Parallel form, [B, T, H] -> [B, T, H], any T. A null state starts at nothing and keeps nothing. */
  forward(x: Tensor3D, state: S | null, context: MixerContext): { y: Tensor3D; state: S | null };
  /** Recurrent form, one token: [B, H] -> [B, H]. It takes the state over, and may change it in place. */
  step(x: Tensor2D, state: S, context: MixerContext): { y: Tensor2D; state: S };
  initialState(batch: number): S;
  /** Rows of the state, row i repeated copies[i] times. */
  fork(state: S, copies: readonly number[]): S;
  /** A copy of the state after `position` tokens as `step` keeps it, where it keeps another form. */
  forSteps?(state: S, position: number): S;
  /** Bytes of the state of `batch` rows after `position` tokens. */
  stateBytes(batch: number, position: number): number;
  /** Elements that the parallel form holds at its peak, for one row of `length` tokens. */
  workspace(length: number): number;
}
