// The families of models, by the model_type of their config.json. One line each.
import type { ModelConfig } from './checkpoint/model-config.js';
import type { Family } from './family.js';
import { llama, mistral, swat, transformer } from './mixers/attention-families.js';
import { mamba } from './mixers/mamba.js';
import { ttt } from './mixers/ttt.js';

export const FAMILIES: Readonly<Record<string, Family<ModelConfig>>> = {
  swat,
  transformer,
  llama,
  mistral,
  mamba,
  ttt,
};

/** The family of a configuration that one of them read. */
export function familyOf({ modelType }: { readonly modelType: string }): Family<ModelConfig> {
  return FAMILIES[modelType]!;
}
