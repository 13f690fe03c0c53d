// The whole of `ppl`: models x cells into one run directory a model, from the start or from where it stopped. Models, text and
// tokenizers are opened before anything is measured; a cell that fails is a result, and the next one is measured.
import { createHash } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { cpuModel } from '../backends/cpu.js';
import { startEngine, type Engine } from '../backends/engine.js';
import type { Progress } from '../evaluate/progress.js';
import { createRunDirectory } from '../evaluate/run-directory.js';
import type { Decoder } from '../models/decoder.js';
import { openModel, requirePrecision, startModel, type OpenedModel } from '../models/load-language-model.js';
import { hasWindow, withWindow } from '../models/set-window.js';
import { nameForRecords } from '../models/shipped-checkpoints.js';
import type { BuildInfo } from '../package-root.js';
import type { Tokenizer } from '../tokenizers/tokenizer.js';
import { UserError } from '../user-error.js';
import { cellKey, cellsOf, type PplCell } from './cells.js';
import type { EvalText } from './eval-text.js';
import { measureCell } from './measure-cell.js';
import { readPplRecord, type PplRecord, type PplResult, type PplSettings } from './ppl-record.js';
import { encodeText, unitsOf, type TargetStream } from './target-stream.js';

export interface PplEnvironment {
  readonly openText: (settings: PplSettings) => Promise<EvalText>;
  readonly progress: Progress;
  /** A remark for the user, one sentence. */
  readonly log: (sentence: string) => void;
  readonly now: () => Date;
  /** Milliseconds of a clock that only goes forward. */
  readonly clock: () => number;
  /** Asks to stop after the pass that is running. */
  readonly signal: AbortSignal;
  readonly build: BuildInfo;
  /** Writes run.json and the CSV files. */
  readonly save: (directory: string, record: PplRecord) => Promise<void>;
}

export interface PplOutcome {
  readonly directory: string;
  readonly record: PplRecord;
  /** What ended the measurement before all was done: a device that was lost. */
  readonly lost?: UserError;
}

/**
 * Measures `settings.models` one after another, each into a new run directory below `output`.
 * @returns what is measured: fewer models, or cells, than asked for when the signal aborted.
 * @throws UserError 'usage' or 'data' for a model or text that cannot be loaded, 'device' for an engine that is not there.
 */
export async function startPpl(
  settings: PplSettings,
  output: string,
  environment: PplEnvironment,
): Promise<PplOutcome[]> {
  const session = await openSession(settings, environment);
  const created = environment.now();
  const hash = createHash('sha256').update(JSON.stringify(settings)).digest('hex');
  const directories = settings.models.map((spec) => createRunDirectory(output, spec, hash, created));
  const runs = directories.map((directory) => path.relative(output, directory));
  return measureAll(session, environment, directories, (described, index) => ({
    format: 1,
    kind: 'ppl',
    runId: path.basename(directories[index]!),
    status: 'running',
    created: created.toISOString(),
    ...described,
    engine: describeEngine(session),
    runs,
    settings,
    results: [],
    cpu: `${cpuModel()}, ${os.cpus().length} cores`,
    build: environment.build,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  }));
}

/**
 * Goes on with the run in `directory` and with the other models of the same command: what was measured stays, what failed or is
 * missing is measured.
 * @throws UserError 'data' when it was made by another build, on another device, of another text, or with other weights.
 */
export async function resumePpl(directory: string, environment: PplEnvironment): Promise<PplOutcome[]> {
  const first = readPplRecord(directory);
  const output = path.join(directory, '..', '..');
  const session = await openSession(first.settings, environment);
  const directories = first.runs.map((run) => path.join(output, run));
  const same = (what: string, before: string, now: string) => {
    if (before === now) return;
    throw new UserError('data', `the run was started with ${what} ${before}, and cannot go on with ${now}`, {
      where: directory,
      hint: 'a new one, without --resume',
    });
  };
  same('build', JSON.stringify(first.build), JSON.stringify(environment.build));
  same('device', JSON.stringify(first.engine), JSON.stringify(describeEngine(session)));
  return measureAll(session, environment, directories, ({ model, text }, index) => {
    // A model that was not begun has no record yet: it is made like the first one's.
    const begun = recordIn(directories[index]!) ?? {
      ...first,
      runId: path.basename(directories[index]!),
      model,
      text,
      results: [],
    };
    same('weights', begun.model.weightsDigest, model.weightsDigest);
    same('text', begun.text.digest, text.digest);
    return { ...begun, status: 'running', results: begun.results.filter(({ status }) => status === 'ok') };
  });
}

interface SessionModel {
  readonly opened: OpenedModel;
  readonly tokenizer: Tokenizer;
  readonly stream: TargetStream;
}

interface Session {
  readonly settings: PplSettings;
  readonly engine: Engine;
  readonly text: EvalText;
  readonly models: readonly SessionModel[];
}

async function openSession(settings: PplSettings, { openText, log }: PplEnvironment): Promise<Session> {
  const { seed, tokenizer } = settings;
  const opened: OpenedModel[] = [];
  for (const spec of settings.models)
    opened.push(await openModel(spec, tokenizer === null ? { seed } : { seed, tokenizer }));
  const text = await openText(settings);
  const models: SessionModel[] = [];
  for (const model of opened) {
    const own = await model.tokenizer();
    // Models mostly have one tokenizer, and then one stream.
    const alike = models.find((other) => other.tokenizer.fingerprint === own.fingerprint);
    const stream = alike?.stream ?? encodeText(text, own, model.config.vocabularySize, settings.tokens);
    models.push({ opened: model, tokenizer: own, stream });
  }
  const engine = await startEngine(settings.backend, { log });
  requirePrecision(engine, settings.dtype);
  return { settings, engine, text, models };
}

function describeEngine({ engine, settings }: Session): PplRecord['engine'] {
  const { backend, device, software, blas } = engine;
  return { backend, dtype: settings.dtype, device, software, blas: blas ?? null };
}

function recordIn(directory: string): PplRecord | null {
  try {
    return readPplRecord(directory);
  } catch {
    return null;
  }
}

async function measureAll(
  session: Session,
  environment: PplEnvironment,
  directories: readonly string[],
  recordOf: (described: Pick<PplRecord, 'model' | 'text'>, index: number) => PplRecord,
): Promise<PplOutcome[]> {
  const outcomes: PplOutcome[] = [];
  for (const [index, own] of session.models.entries()) {
    if (environment.signal.aborted) break;
    const directory = directories[index]!;
    const { model, weightsDigest } = await startModel(own.opened, session.engine, session.settings.dtype);
    try {
      const described = {
        model: describeModel(own, model, weightsDigest),
        text: describeText(session.text, own.stream),
      };
      const record = recordOf(described, index);
      outcomes.push({ directory, record: await measureModel(session, environment, own, model, directory, record) });
    } catch (error) {
      if (!(error instanceof UserError) || error.kind !== 'device') throw error;
      return [...outcomes, { directory, record: readPplRecord(directory), lost: error }];
    } finally {
      model.dispose();
    }
  }
  return outcomes;
}

async function measureModel(
  { settings, engine }: Session,
  { progress, log, now, clock, signal, save }: PplEnvironment,
  { opened, stream }: SessionModel,
  model: Decoder,
  directory: string,
  begun: PplRecord,
): Promise<PplRecord> {
  const windows = hasWindow(opened.config) ? settings.windows : null;
  if (windows === null && settings.windows !== null)
    log(`${opened.label} has no attention window to set: it is measured as it is`);
  const done = new Set(begun.results.map(({ cell }) => JSON.stringify(cell)));
  const left = cellsOf(settings.lengths, windows).filter((cell) => !done.has(JSON.stringify(cell)));
  const units = unitsOf(stream);
  const options = {
    passTokens: engine.batchTokens,
    clock,
    signal,
    advance: (targets: number) => progress.advance(targets),
  };

  let record: PplRecord = { ...begun, status: 'running' };
  await save(directory, record);
  progress.start(opened.label, left.length * stream.targets.length);
  try {
    for (const cell of left) {
      const sized = withWindow(model, cell.window);
      const known = record.results.find((result) => cellKey(result.cell) === cellKey(cell));
      if (known !== undefined) progress.advance(stream.targets.length);
      const result = known ?? (await resultOf(cell, sized));
      if (result === null) {
        record = { ...record, status: 'interrupted' };
        break;
      }
      record = { ...record, results: [...record.results, { ...result, cell, window: sized.config.window }] };
      await save(directory, record);
    }
  } finally {
    progress.finish();
  }
  if (record.status === 'running') record = { ...record, status: 'complete' };
  await save(directory, record);
  return record;

  async function resultOf(cell: PplCell, sized: Decoder): Promise<PplResult | null> {
    const date = now().toISOString();
    const measured = await measureCell(sized, engine, stream, units, cell.length, options);
    if (measured === null) return null;
    return { ...measured, cell, date, window: sized.config.window, stateBytes: sized.stateBytes(1, cell.length) };
  }
}

function describeModel(
  { opened: { spec, label, baseline, rawConfig, config }, tokenizer }: SessionModel,
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
