// What flash-linear-attention's configuration classes share: how wide the MLP is, and two names for the norms' epsilon.
import type { z } from 'zod';
import { swiGluSize } from '../swiglu-size.js';
import { or, positiveInteger, positiveNumber, sameSetting, trunk, trunkKeys } from './config-keys.js';
import type { ModelConfig } from './model-config.js';

export const flaKeys = trunkKeys.extend({
  intermediate_size: positiveInteger.nullish(),
  hidden_ratio: or(positiveNumber, 4),
  norm_eps: positiveNumber.nullish(),
  rms_norm_eps: positiveNumber.nullish(),
});

/** A trunk with a SwiGLU in every block. */
export function flaTrunk(modelType: string, keys: z.infer<typeof flaKeys>, file: string): ModelConfig {
  return {
    ...trunk(modelType, keys),
    window: null,
    intermediateSize: keys.intermediate_size ?? swiGluSize(keys.hidden_size, keys.hidden_ratio),
    mlpBias: false,
    normEps: sameSetting(keys.norm_eps, keys.rms_norm_eps, '"norm_eps" and "rms_norm_eps"', file) ?? 1e-6,
  };
}
