// config.json -> ModelConfig, by the family that its model_type names.
import { z } from 'zod';
import { FAMILIES, familyOf } from '../families.js';
import { configError, parse, show } from './config-keys.js';
import type { ModelConfig } from './model-config.js';

/**
 * `raw` is the parsed config.json, `file` what errors name.
 * @throws UserError 'data' naming the key and its value: missing, of the wrong kind, contradictory, or not supported.
 */
export function normaliseConfig(raw: unknown, file: string): ModelConfig {
  const { model_type: modelType } = parse(z.looseObject({ model_type: z.string('expected a string') }), raw, file);
  if (!Object.hasOwn(FAMILIES, modelType))
    throw configError(file, `"model_type" is ${show(modelType)}, expected one of ${Object.keys(FAMILIES).join(', ')}`);
  return familyOf({ modelType }).readConfig(raw, file);
}
