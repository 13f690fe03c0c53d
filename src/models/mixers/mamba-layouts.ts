// How checkpoints of Mamba and Mamba2 name their tensors: flash-linear-attention's and transformers' names, and those of the
// first releases, which differ in the embedding.
import type { Family, Renames } from '../family.js';
import type { ModelConfig } from '../checkpoint/model-config.js';

const NAMES: Renames = [
  ['model.layers.', 'backbone.layers.'],
  ['.attn_norm.', '.norm.'],
  ['.attn.', '.mixer.'],
  ['model.norm.', 'backbone.norm_f.'],
];

export const MAMBA_LAYOUTS: Family<ModelConfig>['layouts'] = [
  [['model.embeddings.', 'backbone.embeddings.'], ...NAMES],
  [['model.embeddings.', 'backbone.embedding.'], ...NAMES],
];
