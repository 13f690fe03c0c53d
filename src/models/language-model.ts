// What evaluate, bench and train see of a model: token ids in, hidden states and log-probabilities out. Text is not its business.
import type { Tensor1D, Tensor2D, Tensor3D } from '#tfjs';
import type { DeviceMemory } from '../backends/buffer-pool.js';

/** State of every layer after `position` tokens. */
export interface ModelState {
  readonly position: number;
  readonly layers: readonly unknown[];
}

export interface LanguageModel {
  /** Longest input in tokens (lm-eval's `max_length`). */
  readonly maxLength: number;
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly parameterCount: number;
  /**
   * Hidden states after the final norm. ids [B, T] int32 -> hidden [B, T, H]. Without `state` the sequence starts at
   * position 0 and no state is kept; with one (see `initialState`) it goes on there and the new state comes back.
   */
  forward(ids: Tensor2D): { hidden: Tensor3D; state: null };
  forward(ids: Tensor2D, state: ModelState): { hidden: Tensor3D; state: ModelState };
  /**
   * One token for every row. ids [B] -> hidden [B, H] and the state after it, for which the one before may be changed in place:
   * whoever needs it later gives a fork.
   */
  step(ids: Tensor1D, state: ModelState): { hidden: Tensor2D; state: ModelState };
  initialState(batch: number): ModelState;
  /** Rows of `state`, row i repeated copies[i] times. */
  fork(state: ModelState, copies: readonly number[]): ModelState;
  /** Bytes of the state of `batch` rows after `position` tokens. */
  stateBytes(batch: number, position: number): number;
  /**
   * log p(targets) in f32 nats, and 1 where the target is the argmax (lowest id on ties), else 0.
   * hidden [R, H], targets [R] int32 -> [R], [R]; the [R, V] logits are never whole in memory.
   */
  logProbs(hidden: Tensor2D, targets: Tensor1D): { logprob: Tensor1D; greedy: Tensor1D };
  /** Logits [R, V] of hidden [R, H]; for inspection, not for scoring. */
  logits(hidden: Tensor2D): Tensor2D;
  /** Bytes that a forward pass over ids [batch, length] and its log-probabilities need beside the weights: an upper estimate. */
  activationBytes(batch: number, length: number): number;
  /** Of the engine that the model runs on, all models of it together. */
  memory(): DeviceMemory;
  /** Frees the weights, and gives what is free back to the device. */
  dispose(): void;
}
