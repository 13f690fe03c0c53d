// The families of models, by the model_type of their config.json. One line each.
import type { ModelConfig } from './checkpoint/model-config.js';
import type { Family } from './family.js';
import { hybrid } from './hybrid.js';
import { llama, mistral, swat, transformer } from './mixers/attention-families.js';
import { gla } from './mixers/gla.js';
import { gsa } from './mixers/gsa.js';
import { mamba2 } from './mixers/mamba2.js';
import { retnet } from './mixers/retnet.js';
import { mamba } from './mixers/mamba.js';
import { ttt } from './mixers/ttt.js';
import { deltaNet, gatedDeltaNet } from './mixers/delta-families.js';
import { titans } from './mixers/titans.js';

export const FAMILIES: Readonly<Record<string, Family<ModelConfig>>> = {
  swat,
  transformer,
  llama,
  mistral,
  retnet: hybrid(retnet),
  gla: hybrid(gla),
  gsa: hybrid(gsa),
  mamba2,
  mamba,
  ttt,
  delta_net: hybrid(deltaNet),
  gated_deltanet: hybrid(gatedDeltaNet),
  titans: hybrid(titans),
};

/** The family of a configuration that one of them read. */
export function familyOf({ modelType }: { readonly modelType: string }): Family<ModelConfig> {
  return FAMILIES[modelType]!;
}
