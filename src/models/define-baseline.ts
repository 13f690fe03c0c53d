// A baseline: a family of models by name, with sizes and settings for seeded random weights. Everything is said in the
// keys of config.json, so that a baseline and a checkpoint of its type are read by the same code. No tensor here.

import type { Json } from './checkpoint/config-json.js';
import type { ModelCost } from './cost.js';

/** config.json, as far as it is written down. */
export type RawConfig = { readonly [key: string]: Json };

export interface Baseline {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  /** Address of the paper. */
  readonly paper: string;
  readonly reference: Reference;
  /** config.json of each size; without `vocab_size` it takes the tokenizer's. */
  readonly sizes: Readonly<Record<string, RawConfig>>;
  /** Short names for keys of config.json: `window` for `window_size`. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Settings that are no key of config.json: each gives the keys it stands for. */
  readonly settings?: Readonly<Record<string, (value: string, config: RawConfig) => RawConfig>>;
  /** What a model of a configuration with these keys costs. */
  readonly cost: (config: RawConfig) => ModelCost;
}

/** Where the mathematics is taken from, and what shows that it is met. */
export interface Reference {
  readonly source: string;
  /** Golden models of that source whose logits, loss and gradients the tests compare; none where there is no implementation. */
  readonly golden: readonly string[];
}

export function defineBaseline(baseline: Baseline): Baseline {
  return baseline;
}
