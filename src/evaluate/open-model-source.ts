// A model by its name, for evaluation: opened and its engine started before anything is planned, its weights read afterwards.
import { resetPeak } from '../backends/engine-memory.js';
import { startEngine } from '../backends/engine.js';
import type { Engine } from '../backends/engine.js';
import { openModel, requirePrecision, startModel } from '../models/load-language-model.js';
import type { OpenedModel } from '../models/load-language-model.js';
import { parseModelSpec } from '../models/model-spec.js';
import { nameForRecords } from '../models/shipped-checkpoints.js';
import type { Tokenizer } from '../tokenizers/tokenizer.js';
import type { ModelSource } from './model-source.js';
import { observeScoring } from './observe-scoring.js';
import { createScorer } from './model-scorer.js';
import { NGRAM, openNgramSource } from './ngram/ngram-source.js';
import type { RunSettings } from './run-settings.js';
import type { ModelDescription } from './run-summary.js';

/**
 * @param log told in one sentence which engine was chosen.
 * @throws UserError 'usage' for an unknown model, 'data' for a checkpoint or tokenizer that does not fit, 'device' for an
 * engine that is not there, or does not compute in the precision that is asked for.
 */
export async function openModelSource(
  spec: string,
  settings: RunSettings,
  log: (sentence: string) => void,
): Promise<ModelSource> {
  const parsed = parseModelSpec(spec);
  if (parsed.kind === 'baseline' && parsed.name === NGRAM) return openNgramSource(spec, parsed, settings);
  const { backend, dtype, tokenizer, maxLength, seed } = settings;
  const opened = await openModel(spec, {
    seed,
    ...(tokenizer === null ? {} : { tokenizer }),
    ...(maxLength === null ? {} : { maxLength }),
  });
  const ownTokenizer = await opened.tokenizer();
  const engine = await startEngine(backend, { log });
  requirePrecision(engine, dtype);
  return {
    spec,
    tokenizer: ownTokenizer,
    vocabularySize: opened.config.vocabularySize,
    maxLength: opened.config.maxLength,
    load: () => load(opened, ownTokenizer, engine, dtype),
  };
}

async function load(
  opened: OpenedModel,
  tokenizer: Tokenizer,
  engine: Engine,
  dtype: RunSettings['dtype'],
): ReturnType<ModelSource['load']> {
  engine.use();
  resetPeak();
  const { model, weightsDigest } = await startModel(opened, engine, dtype);
  const { scorer, observed } = observeScoring(createScorer(model, engine), model);
  return {
    description: describe(opened, tokenizer, model.parameterCount, weightsDigest),
    engine: { backend: engine.backend, dtype, device: engine.device, blas: engine.blas ?? null },
    scorer,
    observed,
    dispose: () => model.dispose(),
  };
}

function describe(
  { spec, label, baseline, config, rawConfig }: OpenedModel,
  tokenizer: Tokenizer,
  parameters: number,
  weightsDigest: string,
): ModelDescription {
  return {
    spec,
    label,
    baseline,
    parameters,
    weightsDigest,
    config: rawConfig,
    tokenizer: nameForRecords(tokenizer.name),
    tokenizerFingerprint: tokenizer.fingerprint,
    vocabularySize: config.vocabularySize,
    maxLength: config.maxLength,
    window: config.window,
  };
}
