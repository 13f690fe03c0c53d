// From the text that names a model to the model: opened first (configuration, tokenizer, headers), so that what is wrong
// shows early, then started on an engine, which reads or draws the weights.
import path from 'node:path';
import { stat } from 'node:fs/promises';
import type { Engine } from '../backends/engine.js';
import { OutOfMemoryError } from '../backends/out-of-memory.js';
import { loadTokenizer } from '../tokenizers/load-tokenizer.js';
import type { Tokenizer } from '../tokenizers/tokenizer.js';
import { closest } from '../did-you-mean.js';
import { releaseMemory } from '../ops/constants.js';
import { UserError } from '../user-error.js';
import { readCheckpoint } from './checkpoint/checkpoint.js';
import type { ModelConfig } from './checkpoint/model-config.js';
import { normaliseConfig } from './checkpoint/normalise-config.js';
import type { ParameterSource } from './checkpoint/parameter-names.js';
import { modelParameters } from './checkpoint/parameters.js';
import type { TensorSource } from './checkpoint/safetensors.js';
import { WeightsDigest } from './checkpoint/weights-digest.js';
import { fitsHalf } from '../kernels/webgpu/half-tensor.js';
import type { Precision } from '../kernels/webgpu/precision.js';
import { Decoder } from './decoder.js';
import type { RawConfig } from './define-baseline.js';
import { initialWeights } from './initialisation.js';
import { parseModelSpec, type ModelSpec } from './model-spec.js';
import { Parameters } from './parameters.js';
import { configureBaseline, listBaselines } from './registry.js';
import { findShipped, SHIPPED_DIRECTORY, shippedNames } from './shipped-checkpoints.js';

export interface OpenOptions {
  /** Tokenizer file or directory, or `bytes`; by default the checkpoint's own, and `bytes` for random weights. */
  readonly tokenizer?: string;
  /** Longest input in tokens, in place of the configuration's. */
  readonly maxLength?: number;
  /** Seed of random weights where the model's name has none. */
  readonly seed?: number;
  /** Random weights come again after so many: for measurements of large models. */
  readonly period?: number;
}

/** A model before it has weights on a device. */
export interface OpenedModel {
  readonly spec: string;
  /** Name in tables. */
  readonly label: string;
  /** Baseline, or the checkpoint's model type. */
  readonly baseline: string;
  readonly config: ModelConfig;
  readonly rawConfig: RawConfig;
  /** Read when it is asked for: a checkpoint without one still computes on token ids. */
  readonly tokenizer: () => Promise<Tokenizer>;
  /** Weights by canonical name. */
  readonly tensors: ReadonlyMap<string, TensorSource>;
  /** Where a checkpoint stores them; null for random weights. */
  readonly sources: ReadonlyMap<string, ParameterSource> | null;
}

/**
 * @param shipped where the checkpoints of the package lie
 * @throws UserError 'usage' for an unknown model or setting, 'data' for a checkpoint or tokenizer that is damaged or does not fit.
 */
export async function openModel(
  spec: string,
  options: OpenOptions = {},
  shipped: string = SHIPPED_DIRECTORY,
): Promise<OpenedModel> {
  const parsed = parseModelSpec(spec);
  const opened =
    parsed.kind === 'baseline'
      ? await openBaseline(parsed, options)
      : await openCheckpoint(parsed.path, options, shipped);
  const config = options.maxLength === undefined ? opened.config : { ...opened.config, maxLength: options.maxLength };
  return { ...opened, spec, config };
}

/**
 * Uploads the weights. The digest is over the f32 values, the same on every engine and in every precision. In f16, matrices are
 * packed, and the model computes forwards only; one that is to be trained keeps f32 master weights and multiplies in f16.
 * @throws UserError 'device' where the engine does not compute in f16, or has no room for the weights.
 */
export async function startModel(
  opened: OpenedModel,
  engine: Engine,
  dtype: Precision = 'f32',
  { trained = false }: { readonly trained?: boolean } = {},
): Promise<{ model: Decoder; weightsDigest: string }> {
  requirePrecision(engine, dtype);
  const matrices = new Set(modelParameters(opened.config).flatMap(({ name, matrix }) => (matrix ? [name] : [])));
  const parameters = new Parameters();
  const digest = new WeightsDigest();
  const upload = async () => {
    for (const [name, tensor] of opened.tensors) {
      const values = await tensor.read();
      digest.add(name, tensor.shape, values);
      engine.use(); // meanwhile another model may have been at work
      if (dtype === 'f16' && !trained && matrices.has(name) && fitsHalf(tensor.shape))
        parameters.setHalf(name, values, tensor.shape);
      else parameters.set(name, values, tensor.shape);
    }
  };
  try {
    await engine.guard(upload);
  } catch (error) {
    engine.use();
    parameters.dispose();
    releaseMemory();
    if (!(error instanceof OutOfMemoryError)) throw error;
    throw new UserError('device', `${opened.label} does not fit into the memory of ${engine.device}`, { cause: error });
  }
  return { model: new Decoder(opened.config, engine, parameters, dtype), weightsDigest: digest.hex() };
}

/** @throws UserError 'device' where the engine does not compute in the precision. */
export function requirePrecision({ backend }: Engine, dtype: Precision): void {
  if (dtype === 'f16' && backend !== 'webgpu')
    throw new UserError('device', `backend ${backend} does not compute in f16`, {
      hint: '--backend webgpu, or --dtype f32',
    });
}

type Opened = Omit<OpenedModel, 'spec'>;

async function openBaseline(spec: Extract<ModelSpec, { kind: 'baseline' }>, options: OpenOptions): Promise<Opened> {
  const { baseline, config: settings, seed: specSeed } = await configureBaseline(spec);
  const seed = specSeed ?? options.seed ?? 0;
  const tokenizer = await loadTokenizer(options.tokenizer ?? 'bytes');
  const rawConfig = { vocab_size: tokenizer.vocabularySize, ...settings };
  const config = asUsageError(() => normaliseConfig(rawConfig, `${spec.name}:${spec.size}`));
  const tensors = modelParameters(config).map((parameter): [string, TensorSource] => [
    parameter.name,
    { shape: parameter.shape, read: async () => initialWeights(parameter, seed, options.period) },
  ]);
  const changes = Object.entries(spec.overrides).filter(([key]) => key !== 'seed');
  const label = [`${spec.name}-${spec.size}`, ...changes.map(([key, value]) => `${key}=${value}`)].join(',');
  return {
    label,
    baseline: baseline.name,
    config,
    rawConfig,
    tokenizer: async () => tokenizer,
    tensors: new Map(tensors),
    sources: null,
  };
}

/** A configuration that is typed on the command line is a matter of usage, where a file's would be one of data. */
function asUsageError<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof UserError && error.kind === 'data') throw new UserError('usage', error.message);
    throw error;
  }
}

async function openCheckpoint(name: string, options: OpenOptions, shipped: string): Promise<Opened> {
  const directory = findShipped(name, shipped) ?? name;
  if ((await stat(directory).catch(() => null)) === null) throw await noSuchModel(name, shipped);
  const { config, rawConfig, tensors, sources } = await readCheckpoint(directory);
  return {
    label: labelOf(directory),
    baseline: config.modelType,
    config,
    rawConfig,
    tokenizer: () => loadTokenizer(options.tokenizer ?? directory),
    tensors,
    sources,
  };
}

/** A directory's name; for the final weights of a training run, <name>/<run-id>/final, the model's name in the recipe. */
function labelOf(directory: string): string {
  const names = path.resolve(directory).split(path.sep);
  return (names.at(-1) === 'final' ? names.at(-3) : undefined) ?? names.at(-1)!;
}

async function noSuchModel(name: string, shipped: string): Promise<UserError> {
  const baselines = (await listBaselines()).flatMap((baseline) =>
    Object.keys(baseline.sizes).map((size) => `${baseline.name}:${size}`),
  );
  const guess = closest(name, [...shippedNames(shipped), ...baselines]);
  return new UserError('usage', `unknown model '${name}': there is no such directory, and no shipped checkpoint`, {
    hint:
      guess === null
        ? 'a checkpoint directory, one of `swat-eval ls checkpoints`, or of `swat-eval ls baselines` with a size, as in swat:tiny'
        : `did you mean ${guess}?`,
  });
}
