// The evaluation window of a model with windowed attention: what `bench` and `ppl` compute with in place of its own.
import type { ModelConfig } from './checkpoint/model-config.js';
import { Decoder } from './decoder.js';
import { familyOf } from './families.js';
import { Attention } from './mixers/attention.js';

/** Whether the window of the configuration is that of all layers. */
export function hasWindow(config: ModelConfig): boolean {
  const layers = Array.from({ length: config.layers }, (_, layer) => familyOf(config).createMixer(config, layer));
  return layers.every((mixer) => mixer instanceof Attention);
}

/** The same weights with another window: keys in reach, `full` for all; null leaves the model as it is. */
export function withWindow(model: Decoder, window: number | 'full' | null): Decoder {
  if (window === null) return model;
  const config = { ...model.config, window: window === 'full' ? null : window };
  return new Decoder(config, model.engine, model.parameters, model.precision);
}
