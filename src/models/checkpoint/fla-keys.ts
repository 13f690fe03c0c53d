// What flash-linear-attention's configuration classes share: how wide the MLP is, and two names for the norms' epsilon.
import type { z } from 'zod';
import { or, positiveInteger, positiveNumber, sameSetting, trunk, trunkKeys } from './config-keys.js';
import type { ModelConfig } from './model-config.js';

export const flaKeys = trunkKeys.extend({
  intermediate_size: positiveInteger.nullish(),
  hidden_ratio: or(positiveNumber, 4),
  norm_eps: positiveNumber.nullish(),
  rms_norm_eps: positiveNumber.nullish(),
});

/** A trunk with a SwiGLU in every block; without `intermediate_size`, two thirds of hidden_ratio in multiples of 256. */
export function flaTrunk(modelType: string, keys: z.infer<typeof flaKeys>, file: string): ModelConfig {
  return {
    ...trunk(modelType, keys),
    window: null,
    intermediateSize:
      keys.intermediate_size ?? 256 * Math.ceil(Math.trunc((keys.hidden_size * keys.hidden_ratio * 2) / 3) / 256),
    mlpBias: false,
    normEps: sameSetting(keys.norm_eps, keys.rms_norm_eps, '"norm_eps" and "rms_norm_eps"', file) ?? 1e-6,
  };
}
