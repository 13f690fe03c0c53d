// The whole of `bench`: models x cells into one run directory a model, from the start or from where it stopped. Models are
// opened before anything is measured; a cell that fails is a result, and the next one is measured.
import { createHash } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { cpuModel } from '../backends/cpu.js';
import { startEngine, type Engine } from '../backends/engine.js';
import { createRunDirectory } from '../evaluate/run-directory.js';
import type { Progress } from '../evaluate/progress.js';
import { modelParameters } from '../models/checkpoint/parameters.js';
import { EMBEDDING, type Decoder } from '../models/decoder.js';
import { openModel, requirePrecision, startModel, type OpenedModel } from '../models/load-language-model.js';
import { hasWindow, withWindow } from '../models/set-window.js';
import type { BuildInfo } from '../package-root.js';
import { UserError } from '../user-error.js';
import {
  readBenchRecord,
  type BenchRecord,
  type BenchSettings,
  type CellResult,
  type Ceilings,
} from './bench-record.js';
import { measureCeilings } from './ceilings.js';
import { cellKey, cellsOf, cellTokens, type Cell } from './cells.js';
import { measureCell, type MeasureOptions } from './measure-cell.js';
import { PERIOD } from './random.js';
import { cellBytes, cellFlops, costOf } from './work.js';

export interface BenchEnvironment {
  readonly progress: Progress;
  /** A remark for the user, one sentence. */
  readonly log: (sentence: string) => void;
  readonly now: () => Date;
  /** Milliseconds of a clock that only goes forward. */
  readonly clock: () => number;
  /** Asks to stop after the repetition that is running. */
  readonly signal: AbortSignal;
  readonly build: BuildInfo;
  /** Writes run.json and bench.csv. */
  readonly save: (directory: string, record: BenchRecord) => Promise<void>;
}

export interface BenchOutcome {
  readonly directory: string;
  readonly record: BenchRecord;
  /** What ended the benchmark before all was measured: a device that was lost. */
  readonly lost?: UserError;
}

/**
 * Measures `settings.models` one after another, each into a new run directory below `output`.
 * @returns what is measured: fewer models, or cells, than asked for when the signal aborted.
 * @throws UserError 'usage' or 'data' for a model that cannot be loaded, 'device' for an engine that is not there.
 */
export async function startBench(
  settings: BenchSettings,
  output: string,
  environment: BenchEnvironment,
): Promise<BenchOutcome[]> {
  const session = await openSession(settings, environment);
  const created = environment.now();
  const hash = createHash('sha256').update(JSON.stringify(settings)).digest('hex');
  const directories = settings.models.map((spec) => createRunDirectory(output, spec, hash, created));
  const runs = directories.map((directory) => path.relative(output, directory));
  return benchAll(session, environment, directories, (model, index) => ({
    format: 1,
    kind: 'bench',
    runId: path.basename(directories[index]!),
    status: 'running',
    created: created.toISOString(),
    model,
    engine: describeEngine(session.engine, settings),
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
 * Goes on with the benchmark in `directory` and with the other models of the same command: what was measured stays, what failed or
 * is missing is measured.
 * @throws UserError 'data' when it was made by another build, on another device, or with other weights.
 */
export async function resumeBench(directory: string, environment: BenchEnvironment): Promise<BenchOutcome[]> {
  const first = readBenchRecord(directory);
  const output = path.join(directory, '..', '..');
  const { settings } = first;
  const session = await openSession(settings, environment);
  const directories = first.runs.map((run) => path.join(output, run));
  const same = (what: string, before: string, now: string) => {
    if (before === now) return;
    throw new UserError('data', `the benchmark was started with ${what} ${before}, and cannot go on with ${now}`, {
      where: directory,
      hint: 'a new one, without --resume',
    });
  };
  same('build', JSON.stringify(first.build), JSON.stringify(environment.build));
  same('device', JSON.stringify(first.engine), JSON.stringify(describeEngine(session.engine, settings)));
  return benchAll(session, environment, directories, (model, index) => {
    // A model that was not begun has no record yet: it is made like the first one's.
    const begun = recordIn(directories[index]!) ?? {
      ...first,
      runId: path.basename(directories[index]!),
      model,
      results: [],
    };
    same('weights', begun.model.weightsDigest, model.weightsDigest);
    return { ...begun, status: 'running', results: begun.results.filter(({ status }) => status === 'ok') };
  });
}

interface Session {
  readonly settings: BenchSettings;
  readonly engine: Engine;
  readonly opened: readonly OpenedModel[];
  readonly ceilings: Ceilings;
}

async function openSession(settings: BenchSettings, { log }: BenchEnvironment): Promise<Session> {
  const opened: OpenedModel[] = [];
  for (const spec of settings.models) opened.push(await openModel(spec, { seed: settings.seed, period: PERIOD }));
  const engine = await startEngine(settings.backend, { log });
  requirePrecision(engine, settings.dtype);
  return { settings, engine, opened, ceilings: await measureCeilings(engine, settings.dtype) };
}

function describeEngine({ backend, device, software, blas }: Engine, { dtype }: BenchSettings): BenchRecord['engine'] {
  return { backend, dtype, device, software, blas: blas ?? null };
}

function recordIn(directory: string): BenchRecord | null {
  try {
    return readBenchRecord(directory);
  } catch {
    return null;
  }
}

async function benchAll(
  session: Session,
  environment: BenchEnvironment,
  directories: readonly string[],
  recordOf: (model: BenchRecord['model'], index: number) => BenchRecord,
): Promise<BenchOutcome[]> {
  const outcomes: BenchOutcome[] = [];
  for (const [index, opened] of session.opened.entries()) {
    if (environment.signal.aborted) break;
    const directory = directories[index]!;
    let record: BenchRecord | undefined;
    for (const share of sharesOf(session.settings)) {
      const { model, weightsDigest } = await startModel(opened, session.engine, session.settings.dtype, share);
      try {
        record ??= recordOf(describeModel(opened, model, weightsDigest), index);
        record = await benchModel(session, environment, { opened, model, directory, record, share });
      } catch (error) {
        if (!(error instanceof UserError) || error.kind !== 'device') throw error;
        return [...outcomes, { directory, record: readBenchRecord(directory), lost: error }];
      } finally {
        model.dispose();
      }
      if (record.status === 'interrupted') break;
    }
    outcomes.push({ directory, record: record! });
  }
  return outcomes;
}

/** The cells that one copy of the weights serves. */
interface Share {
  /** Whether it can be trained. */
  readonly trained: boolean;
  readonly wants: (cell: Cell) => boolean;
}

/** In f16 training has f32 master weights, and everything else packed ones. */
function sharesOf({ dtype, train }: BenchSettings): Share[] {
  const isTraining = ({ kind }: Cell) => kind === 'train';
  if (dtype === 'f32' || !train) return [{ trained: train, wants: () => true }];
  return [
    { trained: false, wants: (cell) => !isTraining(cell) },
    { trained: true, wants: isTraining },
  ];
}

interface BenchedModel {
  readonly opened: OpenedModel;
  readonly model: Decoder;
  readonly directory: string;
  readonly record: BenchRecord;
  readonly share: Share;
}

async function benchModel(
  { settings, engine, ceilings }: Session,
  { progress, log, now, clock, signal, save }: BenchEnvironment,
  { opened, model, directory, record: begun, share }: BenchedModel,
): Promise<BenchRecord> {
  const windows = hasWindow(opened.config) ? settings.windows : null;
  if (windows === null && settings.windows !== null)
    log(`${opened.label} has no attention window to set: it is measured as it is`);
  const decayed = new Map(modelParameters(opened.config).map(({ name, decay }) => [name, decay]));
  const options: MeasureOptions = {
    repetitions: settings.repetitions,
    readEvery: settings.readEvery,
    decayed: (name) => decayed.get(name) ?? false,
    clock,
    signal,
    advance: (tokens) => progress.advance(tokens),
  };
  const done = new Set(begun.results.map(({ cell }) => cellKey(cell)));
  const left = cellsOf({ ...settings, windows }).filter((cell) => !done.has(cellKey(cell)));
  const cells = left.filter(share.wants);
  const passes = settings.repetitions + 1;

  let record: BenchRecord = { ...begun, status: 'running' };
  await save(directory, record);
  progress.start(
    opened.label,
    cells.reduce((tokens, cell) => tokens + passes * cellTokens(cell), 0),
  );
  try {
    for (const cell of cells) {
      const date = now().toISOString();
      const sized = withWindow(model, cell.window);
      const measured = await measureCell(sized, engine, cell, options);
      if (measured === null) {
        record = { ...record, status: 'interrupted' };
        await save(directory, record);
        return record;
      }
      if (measured.status !== 'ok') progress.advance(passes * cellTokens(cell));
      record = {
        ...record,
        results: [...record.results, await resultOf(opened, sized, cell, date, ceilings, measured)],
      };
      await save(directory, record);
    }
  } finally {
    progress.finish();
  }
  if (cells.length === left.length) record = { ...record, status: 'complete' };
  await save(directory, record);
  return record;
}

async function resultOf(
  { baseline, rawConfig }: OpenedModel,
  model: Decoder,
  cell: Cell,
  date: string,
  ceilings: Ceilings,
  measured: NonNullable<Awaited<ReturnType<typeof measureCell>>>,
): Promise<CellResult> {
  const position = cell.depth + cell.prompt + cell.generated;
  const common = { cell, date, window: model.config.window, stateBytes: model.stateBytes(cell.batch, position) };
  if (measured.status !== 'ok') return { ...common, ...measured };
  const { memory, ...rest } = measured;
  const cost = await costOf(baseline, rawConfig, cell.window, model.parameterCount);
  // Of an embedding that is not the head, too, a token needs one row.
  const read = model.parameters.names().filter((name) => model.config.tied || name !== EMBEDDING);
  const weights = bytesOf(model, read);
  return {
    ...common,
    ...rest,
    ...memory,
    flops: cost === null ? null : cellFlops(cost, cell),
    bytes: cellBytes({ weights, state: (batch, position) => model.stateBytes(batch, position) }, cell),
    ceilings,
  };
}

function describeModel(
  { spec, label, baseline, rawConfig, config }: OpenedModel,
  model: Decoder,
  weightsDigest: string,
): BenchRecord['model'] {
  return {
    ...{ spec, label, baseline, weightsDigest },
    parameters: model.parameterCount,
    bytes: model.parameters.bytes(),
    config: rawConfig,
    window: config.window,
  };
}

function bytesOf({ parameters }: Decoder, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + parameters.bytesOf(name), 0);
}
