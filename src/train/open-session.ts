// Everything that training needs before its first step: models and tokenizers opened, an engine, the data as tokens. What is wrong
// with any of it shows here, for all models of the recipe.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { startEngine, type Engine } from '../backends/engine.js';
import { normaliseConfig } from '../models/checkpoint/normalise-config.js';
import type { RawConfig } from '../models/define-baseline.js';
import { openModel, requirePrecision, type OpenedModel } from '../models/load-language-model.js';
import { parseModelSpec } from '../models/model-spec.js';
import { tokenizerFiles, type TokenizerFiles } from '../tokenizers/save-tokenizer.js';
import type { Tokenizer } from '../tokenizers/tokenizer.js';
import { UserError } from '../user-error.js';
import { openCorpus, type Corpus } from './corpus.js';
import { planTraining, type TrainingPlan } from './plan.js';
import { RowStream } from './row-stream.js';
import type { TrainConfig } from './train-config.js';
import type { TrainEnvironment } from './train-environment.js';
import { validationSet, type ValidationSet } from './validate.js';

/** What relative file names start from: those of data, and all others of the recipe. */
export interface Places {
  readonly recipe: string;
  readonly data: string;
}

export interface Session {
  readonly config: TrainConfig;
  readonly plan: TrainingPlan;
  readonly engine: Engine;
  readonly models: readonly SessionModel[];
}

/** A model of the recipe, with the data in its tokens. */
export interface SessionModel {
  readonly name: string;
  readonly opened: OpenedModel;
  readonly tokenizer: Tokenizer;
  readonly tokenizerFiles: TokenizerFiles;
  readonly data: Corpus;
  readonly rows: RowStream;
  readonly validation: { readonly corpus: Corpus; readonly set: ValidationSet } | null;
}

/** @throws UserError 'data' for what is wrong in the recipe or its files, 'device' for an engine that is not there. */
export async function openSession(
  config: TrainConfig,
  places: Places,
  environment: TrainEnvironment,
): Promise<Session> {
  const plan = planTraining(config);
  const opened: [string, OpenedModel, Tokenizer][] = [];
  for (const [name, spec] of Object.entries(config.model))
    opened.push([name, ...(await openTrainable(name, spec, config, places, environment.log))]);
  const engine = await startEngine(config.backend, { log: environment.log });
  requirePrecision(engine, config.dtype);
  const texts = new Map<string, Promise<Omit<SessionModel, 'name' | 'opened'>>>();
  const models: SessionModel[] = [];
  for (const [name, model, tokenizer] of opened) {
    const { fingerprint } = tokenizer;
    if (!texts.has(fingerprint)) texts.set(fingerprint, openTexts(config, plan, tokenizer, places, environment));
    models.push({ name, opened: model, ...(await texts.get(fingerprint)!) });
  }
  return { config, plan, engine, models };
}

async function openTrainable(
  name: string,
  spec: string,
  { tokenizer, window, seeds }: TrainConfig,
  { recipe }: Places,
  log: (sentence: string) => void,
): Promise<[OpenedModel, Tokenizer]> {
  try {
    const file = path.resolve(recipe, spec);
    const found = parseModelSpec(spec).kind === 'checkpoint' && existsSync(file) ? file : spec;
    const opened = await openModel(found, {
      seed: seeds.init,
      ...(tokenizer === undefined
        ? {}
        : { tokenizer: tokenizer === 'bytes' ? tokenizer : path.resolve(recipe, tokenizer) }),
    });
    const own = await opened.tokenizer();
    if (own.vocabularySize > opened.config.vocabularySize)
      throw new UserError(
        'data',
        `the tokenizer has ${own.vocabularySize} ids, and the model a vocabulary of ${opened.config.vocabularySize}`,
        { where: own.name, hint: 'the tokenizer that the vocabulary is of, or a larger vocabulary (vocab=N)' },
      );
    const windowed = window === undefined ? opened : withWindow(opened, window);
    if (windowed === null) log(`${name} has no attention window to set: it is trained as it is`);
    return [withSpecialTokens(windowed ?? opened, own), own];
  } catch (error) {
    if (!(error instanceof UserError) || error.kind !== 'usage') throw error;
    // In a recipe, what would be a wrong option is a wrong file.
    throw new UserError(
      'data',
      `model ${name}: ${error.message}`,
      error.hint === undefined ? {} : { hint: error.hint },
    );
  }
}

/** The same model with another window; null for one that has none. */
function withWindow(opened: OpenedModel, window: number): OpenedModel | null {
  const key = ['window_size', 'sliding_window'].find((name) => typeof opened.rawConfig[name] === 'number');
  if (key === undefined || opened.config.window === null) return null;
  return withRawConfig(opened, { ...opened.rawConfig, [key]: window });
}

/** What config.json says of the tokenizer, for programs that read it there. */
function withSpecialTokens(opened: OpenedModel, { bosTokenId, eosTokenId }: Tokenizer): OpenedModel {
  return withRawConfig(opened, {
    ...opened.rawConfig,
    ...(bosTokenId === null ? {} : { bos_token_id: bosTokenId }),
    ...(eosTokenId === null ? {} : { eos_token_id: eosTokenId }),
  });
}

function withRawConfig(opened: OpenedModel, rawConfig: RawConfig): OpenedModel {
  return { ...opened, rawConfig, config: normaliseConfig(rawConfig, opened.label) };
}

async function openTexts(
  config: TrainConfig,
  plan: TrainingPlan,
  tokenizer: Tokenizer,
  places: Places,
  { cacheDirectory, loadGenerator, build, log }: TrainEnvironment,
): Promise<Omit<SessionModel, 'name' | 'opened'>> {
  const common = { root: places.data, cacheDirectory, loadGenerator, build, seed: config.seeds.data, log };
  const wanted = plan.steps * plan.tokensPerStep;
  const data = await openCorpus(config.data, tokenizer, {
    ...common,
    split: 'train',
    wanted: Math.max(wanted, plan.length + 1),
  });
  const rows = new RowStream(data.file, plan.length, config.seeds.data);
  const epochs = (plan.steps * plan.rowsPerStep) / rows.rowsPerEpoch;
  if (epochs > 1)
    log(
      `the data has ${data.file.description.tokens.toLocaleString('en-US')} tokens: the budget goes over it ${epochs.toFixed(2)} times`,
    );
  return {
    ...{ tokenizer, data, rows, tokenizerFiles: await tokenizerFiles(tokenizer) },
    validation: config.validation === undefined ? null : await openValidation(config.validation),
  };

  async function openValidation({
    data: text,
    tokens,
    lengths = [plan.length],
  }: NonNullable<TrainConfig['validation']>) {
    const corpus = await openCorpus(text, tokenizer, { ...common, split: 'validation', wanted: tokens + 1 });
    return { corpus, set: validationSet(corpus.file, lengths, tokens) };
  }
}
