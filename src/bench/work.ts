// How much a cell computes and moves at the least, by the formulas of the baseline's cost. What is above the least (a state that is
// written back, activations, a second look at the keys) is the implementation's, and lowers its share of the ceiling.
import type { RawConfig } from '../models/define-baseline.js';
import type { ModelCost } from '../models/cost.js';
import { listBaselines } from '../models/registry.js';
import type { Cell } from './cells.js';

/**
 * The cost of a model of `parameters` numbers by its baseline's formula; null for one that the formula does not describe, as a
 * checkpoint of another layout.
 * @param window as the cell sets it
 */
export async function costOf(
  baseline: string,
  config: RawConfig,
  window: Cell['window'],
  parameters: number,
): Promise<ModelCost | null> {
  const found = (await listBaselines()).find(({ name }) => name === baseline);
  if (found === undefined) return null;
  const set = window === null ? {} : { window_size: window === 'full' ? null : window };
  try {
    const cost = found.cost({ ...config, ...set });
    return cost.parameters === parameters ? cost : null;
  } catch {
    return null; // a checkpoint that leaves keys to the defaults of its family
  }
}

/** Operations of one repetition; a training step has three times those of its forward pass. */
export function cellFlops(cost: ModelCost, { kind, prompt, generated, depth, batch }: Cell): number {
  const throughPrompt = parallelFlops(cost, depth + prompt) - parallelFlops(cost, depth);
  let decoded = 0;
  for (let token = 1; token <= generated; token++)
    decoded += cost.flopsPerToken({ kind: 'decode', position: depth + prompt + token });
  return batch * ((kind === 'train' ? 3 : 1) * throughPrompt + decoded);
}

function parallelFlops(cost: ModelCost, length: number): number {
  return length === 0 ? 0 : length * cost.flopsPerToken({ kind: 'parallel', length });
}

/** What of the model has to be read for one token or for many. */
export interface ModelBytes {
  /** Weights, without an embedding of which a token needs one row. */
  readonly weights: number;
  readonly state: (batch: number, position: number) => number;
}

/**
 * Bytes of one repetition: the weights once for the prompt and once for every decoded token, and the state with them. Null for
 * training, whose bytes depend on what is kept and what is computed again.
 */
export function cellBytes(
  { weights, state }: ModelBytes,
  { kind, prompt, generated, depth, batch }: Cell,
): number | null {
  if (kind === 'train') return null;
  let bytes = prompt === 0 ? 0 : weights + state(batch, depth);
  for (let token = 1; token <= generated; token++) bytes += weights + state(batch, depth + prompt + token);
  return bytes;
}
