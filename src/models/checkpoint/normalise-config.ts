// config.json -> ModelConfig, by the family that its model_type names.
import { z } from 'zod';
import { FAMILIES, familyOf } from '../families.js';
import { configError, parse, show } from './config-keys.js';
import type { ModelConfig } from './model-config.js';
import { storedName } from './parameter-names.js';

/**
 * `raw` is the parsed config.json, `file` what errors name, `stored` the tensors of the checkpoint where there is one.
 * @throws UserError 'data' naming the key and its value: missing, of the wrong kind, contradictory, or not supported.
 */
export function normaliseConfig(
  raw: unknown,
  file: string,
  stored: ReadonlyMap<string, { readonly shape: readonly number[] }> = new Map(),
): ModelConfig {
  const { model_type: modelType } = parse(z.looseObject({ model_type: z.string('expected a string') }), raw, file);
  if (!Object.hasOwn(FAMILIES, modelType))
    throw configError(file, `"model_type" is ${show(modelType)}, expected one of ${Object.keys(FAMILIES).join(', ')}`);
  return familyOf({ modelType }).readConfig(raw, file, (canonical) => {
    const name = storedName(canonical, modelType, stored);
    return name === undefined ? undefined : stored.get(name)!.shape;
  });
}
