// `ppl`: what its cells are, how they are measured, and what a model's run.json says of them and of the text.
import { startEngine, type Engine } from '../backends/engine.js';
import type { Measurement, MeasuringEnvironment, ModelCells } from '../measure/measure-models.js';
import type { Decoder } from '../models/decoder.js';
import { openModel, requirePrecision, type OpenedModel } from '../models/load-language-model.js';
import { nameForRecords } from '../models/shipped-checkpoints.js';
import type { Tokenizer } from '../tokenizers/tokenizer.js';
import { cellKey, cellsOf } from './cells.js';
import type { EvalText } from './eval-text.js';
import { measureCell } from './measure-cell.js';
import { readPplRecord, type PplRecord, type PplSettings } from './ppl-record.js';
import { encodeText, unitsOf, type TargetStream } from './target-stream.js';

type OpenText = (settings: PplSettings) => Promise<EvalText>;

/** @param openText reads the text that the settings name */
export function pplMeasurement(openText: OpenText): Measurement<PplRecord> {
  return {
    kind: 'ppl',
    noun: 'the run',
    read: readPplRecord,
    digests: ({ model, text }) => ({ weights: model.weightsDigest, text: text.digest }),
    async open(settings, environment) {
      const { models, text } = await openStreams(settings, openText);
      const engine = await startEngine(settings.backend, { log: environment.log });
      requirePrecision(engine, settings.dtype);
      return { settings, engine, models: models.map((own) => cellsIn(own, text, settings, engine, environment)) };
    },
  };
}

interface StreamedModel {
  readonly opened: OpenedModel;
  readonly tokenizer: Tokenizer;
  readonly stream: TargetStream;
}

async function openStreams(settings: PplSettings, openText: OpenText) {
  const { seed, tokenizer } = settings;
  const opened: OpenedModel[] = [];
  for (const spec of settings.models)
    opened.push(await openModel(spec, tokenizer === null ? { seed } : { seed, tokenizer }));
  const text = await openText(settings);
  const models: StreamedModel[] = [];
  for (const model of opened) {
    const own = await model.tokenizer();
    // Models mostly have one tokenizer, and then one stream.
    const alike = models.find((other) => other.tokenizer.fingerprint === own.fingerprint);
    const stream = alike?.stream ?? encodeText(text, own, model.config.vocabularySize, settings.tokens);
    models.push({ opened: model, tokenizer: own, stream });
  }
  return { models, text };
}

/** Behind a pass of so many tokens the state alone grows: the peak says from 16k tokens on which models have a constant one. */
const MOST_PASS_TOKENS = 8192;

function cellsIn(
  own: StreamedModel,
  text: EvalText,
  settings: PplSettings,
  engine: Engine,
  { progress, clock, signal }: MeasuringEnvironment<PplRecord>,
): ModelCells<PplRecord> {
  const { opened, stream } = own;
  const units = unitsOf(stream);
  const options = {
    passTokens: Math.min(engine.batchTokens, MOST_PASS_TOKENS),
    clock,
    signal,
    advance: (targets: number) => progress.advance(targets),
  };
  return {
    opened,
    describe: (model, weightsDigest) => ({
      model: describeModel(own, model, weightsDigest),
      text: describeText(text, stream),
    }),
    shares: (windows) => [{ trained: false, cells: cellsOf(settings.lengths, windows) }],
    work: () => stream.targets.length,
    async measure(model, cell, date, done) {
      const { window } = model.config;
      const alike = done.find((result) => cellKey(result.cell) === cellKey(cell));
      if (alike !== undefined) {
        progress.advance(stream.targets.length);
        return { ...alike, cell, window };
      }
      const measured = await measureCell(model, engine, stream, units, cell.length, options);
      if (measured === null) return null;
      return { ...measured, cell, date, window, stateBytes: model.stateBytes(1, cell.length) };
    },
  };
}

function describeModel(
  { opened: { spec, label, baseline, rawConfig, config }, tokenizer }: StreamedModel,
  { parameterCount }: Decoder,
  weightsDigest: string,
): PplRecord['model'] {
  return {
    ...{ spec, label, baseline, weightsDigest },
    parameters: parameterCount,
    config: rawConfig,
    tokenizer: nameForRecords(tokenizer.name),
    tokenizerFingerprint: tokenizer.fingerprint,
    maxLength: config.maxLength,
    window: config.window,
  };
}

function describeText({ name, origin, label }: EvalText, stream: TargetStream): PplRecord['text'] {
  const { kind, bounds } = unitsOf(stream);
  const { words, bytes, digest } = stream;
  return {
    ...{ name, origin, label, words, bytes, digest },
    documents: stream.bounds.length - 1,
    tokens: stream.targets.length,
    unit: kind,
    unitTokens: bounds.slice(1).map((end, unit) => end - bounds[unit]!),
  };
}
