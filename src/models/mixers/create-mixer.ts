// From a mixer's configuration to the mixer: the one switch on kinds.
import type { ModelConfig } from '../checkpoint/model-config.js';
import type { Mixer } from '../mixer.js';
import { Attention } from './attention.js';

export function createMixer(config: ModelConfig): Mixer {
  switch (config.mixer.kind) {
    case 'attention':
      return new Attention(config.mixer, config.hiddenSize, config.normEps, config.initializerRange);
  }
}
