// A family of models: how its config.json reads, how its checkpoints name their tensors, which mixer its layers have.
import type { ModelConfig } from './checkpoint/model-config.js';
import type { Mixer } from './mixer.js';

/** Parts of names that differ from the canonical ones (flash-linear-attention's since 2025-02-09). */
export type Renames = readonly (readonly [canonical: string, stored: string])[];

export const CANONICAL: Renames = [];
/** flash-linear-attention with `norm_first`. */
export const NORM_FIRST: Renames = [
  ['.attn_norm.', '.attn.norm.'],
  ['.mlp_norm.', '.mlp.norm.'],
];

/** Shape of the tensor that a checkpoint stores for a parameter, by the parameter's canonical name. */
export type ShapeOf = (canonical: string) => readonly number[] | undefined;

export interface Family<C extends ModelConfig> {
  /** Layouts its checkpoints come in; the first is what its reference writes now, and what we write. */
  readonly layouts: readonly [Renames, ...Renames[]];
  /** Tensors, by their names in the file, that its checkpoints may hold and its reference does not read. */
  readonly unusedTensors?: readonly RegExp[];
  /**
   * `raw` is the parsed config.json, `file` what errors name; `shapeOf` is there for a checkpoint, for what only its tensors tell.
   * @throws UserError 'data' naming the key and its value: missing, of the wrong kind, contradictory, or not supported.
   */
  readonly readConfig: (raw: unknown, file: string, shapeOf?: ShapeOf) => C;
  /** The mixer of one layer. */
  readonly createMixer: (config: C, layer: number) => Mixer;
}

/** A family keeps its own configuration type to itself: a configuration goes back only to the family that read it. */
export function defineFamily<C extends ModelConfig>(family: Family<C>): Family<ModelConfig> {
  return family as unknown as Family<ModelConfig>;
}
