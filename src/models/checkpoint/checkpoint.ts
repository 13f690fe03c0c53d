// A checkpoint directory as Hugging Face lays it out: config.json beside safetensors. Everything that headers can tell is
// checked when it is opened; values are read, and checked to be finite, tensor by tensor.
import path from 'node:path';
import { UserError } from '../../user-error.js';
import { parsePythonJson, type Json } from './config-json.js';
import type { ModelConfig } from './model-config.js';
import { normaliseConfig } from './normalise-config.js';
import { EMBEDDING, HEAD, locateParameters, type ParameterSource } from './parameter-names.js';
import { modelParameters } from './parameters.js';
import { readFloats, type TensorSource } from './safetensors.js';
import { CONFIG_FILE, openWeightFiles, readText, type WeightFiles } from './weight-files.js';

export interface Checkpoint {
  readonly directory: string;
  readonly config: ModelConfig;
  /** config.json as it stands. */
  readonly rawConfig: { readonly [key: string]: Json };
  /** Every parameter by canonical name, in the order of `modelParameters`; `read` throws on NaN and infinite weights. */
  readonly tensors: ReadonlyMap<string, TensorSource>;
  /** Where the checkpoint stores them, under its own names. */
  readonly sources: ReadonlyMap<string, ParameterSource>;
}

/**
 * Opens a checkpoint; no weight is read yet.
 * @throws UserError 'data' naming file, tensor or key, what was expected and what was found.
 */
export async function readCheckpoint(directory: string): Promise<Checkpoint> {
  const configFile = path.join(directory, CONFIG_FILE);
  const rawConfig = parsePythonJson(await readText(configFile), configFile);
  const weights = await openWeightFiles(directory);
  const config = normaliseConfig(rawConfig, configFile, weights.tensors);
  const parameters = modelParameters(config);
  const sources = locateParameters(parameters, weights.tensors, config, weights.file);
  const tensors = parameters.map(({ name, shape }): [string, TensorSource] => {
    const isTiedHead = config.tied && name === EMBEDDING && weights.tensors.has(HEAD);
    const source = sources.get(name)!;
    return [name, { shape, read: () => (isTiedHead ? readTied(weights, source) : readFinite(weights, source)) }];
  });
  return { directory, config, rawConfig: rawConfig as Checkpoint['rawConfig'], tensors: new Map(tensors), sources };
}

async function readFinite(weights: WeightFiles, { name, rows }: ParameterSource): Promise<Float32Array> {
  const { source } = weights.tensors.get(name)!;
  const values = await readFloats(source, name, rows ?? undefined);
  requireFinite(name, values, source.file);
  return values;
}

/** @throws UserError 'data' when a weight is NaN or infinite; `file` is what the error names. */
export function requireFinite(name: string, values: Float32Array, file: string): void {
  let broken = 0;
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) broken++;
  if (broken > 0)
    throw new UserError('data', `${broken} of ${values.length} weights in ${name} are NaN or infinite`, {
      where: file,
      hint: 'the training run diverged; take an earlier checkpoint',
    });
}

/** The embedding of a model whose head is the embedding, from a checkpoint that stores both. */
async function readTied(weights: WeightFiles, embeddingSource: ParameterSource): Promise<Float32Array> {
  const embedding = await readFinite(weights, embeddingSource);
  const head = await readFinite(weights, { ...embeddingSource, name: HEAD });
  if (head.length !== embedding.length || head.some((value, i) => value !== embedding[i]))
    throw new UserError(
      'data',
      `config.json ties the head to the embedding, but ${HEAD} and ${embeddingSource.name} differ`,
      {
        where: weights.file,
        hint: 'set "tie_word_embeddings" to false in config.json if the model has a head of its own',
      },
    );
  return embedding;
}
