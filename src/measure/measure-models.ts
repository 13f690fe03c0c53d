// What `bench` and `ppl` share: models x cells into one run directory a model, from the start or from where it stopped. Models are
// opened before anything is measured; a cell that fails is a result, and the next one is measured.
import { createHash } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { cpuModel } from '../backends/cpu.js';
import type { Engine } from '../backends/engine.js';
import type { Progress } from '../evaluate/progress.js';
import { createRunDirectory, pointLatest } from '../evaluate/run-directory.js';
import type { Decoder } from '../models/decoder.js';
import { startModel, type OpenedModel } from '../models/load-language-model.js';
import { hasWindow, withWindow } from '../models/set-window.js';
import type { BuildInfo } from '../package-root.js';
import { UserError } from '../user-error.js';
import type { MeasuredRecord } from './measured-record.js';

export interface MeasuringEnvironment<R> {
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
  readonly save: (directory: string, record: R) => Promise<void>;
}

export interface MeasuredOutcome<R> {
  readonly directory: string;
  readonly record: R;
  /** What ended the measurement before all was done: a device that was lost. */
  readonly lost?: UserError;
}

/** What a command measures, and how it is recorded. */
export interface Measurement<R extends MeasuredRecord> {
  readonly kind: R['kind'];
  /** What a run is called in messages. */
  readonly noun: string;
  readonly read: (directory: string) => R;
  /** Opens all that the cells need. */
  readonly open: (settings: R['settings'], environment: MeasuringEnvironment<R>) => Promise<Session<R>>;
  /** Digests by what they are of: a run goes on only with what it was started with. */
  readonly digests: (record: R) => Readonly<Record<string, string>>;
}

export interface Session<R extends MeasuredRecord> {
  readonly settings: R['settings'];
  readonly engine: Engine;
  readonly models: readonly ModelCells<R>[];
}

type Cell<R extends MeasuredRecord> = R['results'][number]['cell'];

/** One model and its cells. */
export interface ModelCells<R extends MeasuredRecord> {
  readonly opened: OpenedModel;
  readonly describe: (model: Decoder, weightsDigest: string) => Described<R>;
  /** @param windows null for a model that has none to set, or for the one that it has. */
  readonly shares: (windows: R['settings']['windows']) => Share<Cell<R>>[];
  /** What a cell counts for in the progress. */
  readonly work: (cell: Cell<R>) => number;
  /**
   * @param model with the cell's window
   * @param done the results before it
   * @returns null when the signal aborted. @throws UserError 'device' when the device is lost.
   */
  readonly measure: (
    model: Decoder,
    cell: Cell<R>,
    date: string,
    done: R['results'],
  ) => Promise<R['results'][number] | null>;
}

/** What run.json says of the model, and the fields that only this command has. */
type Described<R extends MeasuredRecord> = Pick<R, 'model'> & Omit<R, keyof MeasuredRecord>;

/** The cells that one copy of the weights serves, in their order. */
export interface Share<C> {
  /** Whether it can be trained. */
  readonly trained: boolean;
  readonly cells: readonly C[];
}

/** What points to the newest run, in the output directory. */
export function latestOf(kind: MeasuredRecord['kind']): string {
  return `latest-${kind}`;
}

/**
 * Measures `settings.models` one after another, each into a new run directory below `output`.
 * @returns what is measured: fewer models, or cells, than asked for when the signal aborted.
 * @throws UserError 'usage' or 'data' for what cannot be opened, 'device' for an engine that is not there.
 */
export async function startMeasuring<R extends MeasuredRecord>(
  measurement: Measurement<R>,
  settings: R['settings'],
  output: string,
  environment: MeasuringEnvironment<R>,
): Promise<MeasuredOutcome<R>[]> {
  const session = await measurement.open(settings, environment);
  const created = environment.now();
  const hash = createHash('sha256').update(JSON.stringify(settings)).digest('hex');
  const directories = settings.models.map((spec) => createRunDirectory(output, spec, hash, created));
  const begin = (described: Described<R>, directory: string) => {
    const record: MeasuredRecord = {
      format: 1,
      kind: measurement.kind,
      runId: path.basename(directory),
      status: 'running',
      created: created.toISOString(),
      ...described,
      engine: describeEngine(session.engine, settings),
      runs: directories.map((each) => path.relative(output, each)),
      settings,
      results: [],
      cpu: `${cpuModel()}, ${os.cpus().length} cores`,
      build: environment.build,
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
    };
    return record as R; // `described` has the rest
  };
  return measureAll(measurement, session, directories, environment, begin);
}

/**
 * Goes on with the run in `directory` and with the other models of the same command: what was measured stays, what failed or is
 * missing is measured.
 * @throws UserError 'data' when it was made by another build, on another device, or of something else.
 */
export async function resumeMeasuring<R extends MeasuredRecord>(
  measurement: Measurement<R>,
  directory: string,
  environment: MeasuringEnvironment<R>,
): Promise<MeasuredOutcome<R>[]> {
  const first = measurement.read(directory);
  const { settings } = first;
  const session = await measurement.open(settings, environment);
  const same = (what: string, before: string, now: string) => {
    if (before === now) return;
    throw new UserError(
      'data',
      `${measurement.noun} was started with ${what} ${before}, and cannot go on with ${now}`,
      {
        where: directory,
        hint: 'a new one, without --resume',
      },
    );
  };
  same('build', JSON.stringify(first.build), JSON.stringify(environment.build));
  same('device', JSON.stringify(first.engine), JSON.stringify(describeEngine(session.engine, settings)));
  const directories = first.runs.map((run) => path.join(directory, '..', '..', run));
  return measureAll(measurement, session, directories, environment, (described, own) => {
    const fresh: R = { ...first, runId: path.basename(own), ...described, results: [] };
    // A model that was not begun has no record yet: it is made like the first one's.
    const begun = recordIn(own, measurement) ?? fresh;
    const now = measurement.digests(fresh);
    for (const [what, digest] of Object.entries(measurement.digests(begun))) same(what, digest, now[what]!);
    return { ...begun, results: begun.results.filter(({ status }) => status === 'ok') };
  });
}

function describeEngine(
  { backend, device, software, blas }: Engine,
  { dtype }: MeasuredRecord['settings'],
): MeasuredRecord['engine'] {
  return { backend, dtype, device, software, blas: blas ?? null };
}

function recordIn<R extends MeasuredRecord>(directory: string, { read }: Measurement<R>): R | null {
  try {
    return read(directory);
  } catch {
    return null;
  }
}

async function measureAll<R extends MeasuredRecord>(
  { read }: Measurement<R>,
  { settings, engine, models }: Session<R>,
  directories: readonly string[],
  environment: MeasuringEnvironment<R>,
  begin: (described: Described<R>, directory: string) => R,
): Promise<MeasuredOutcome<R>[]> {
  const { signal, log, save } = environment;
  const outcomes: MeasuredOutcome<R>[] = [];
  for (const [index, own] of models.entries()) {
    if (signal.aborted) break;
    const directory = directories[index]!;
    const windows = hasWindow(own.opened.config) ? settings.windows : null;
    if (windows === null && settings.windows !== null)
      log(`${own.opened.label} has no attention window to set: it is measured as it is`);
    let record: R | undefined;
    for (const { trained, cells } of own.shares(windows)) {
      const { model, weightsDigest } = await startModel(own.opened, engine, settings.dtype, { trained });
      try {
        record ??= begin(own.describe(model, weightsDigest), directory);
        record = await measureCells(own, model, cells, directory, record, environment);
      } catch (error) {
        if (!(error instanceof UserError) || error.kind !== 'device') throw error;
        return [...outcomes, { directory, record: read(directory), lost: error }];
      } finally {
        model.dispose();
      }
      if (record.status === 'interrupted') break;
    }
    if (record!.status === 'running') record = { ...record!, status: 'complete' };
    await save(directory, record!);
    outcomes.push({ directory, record: record! });
  }
  return outcomes;
}

/** @returns the record with the cells that it lacked, `interrupted` when the signal aborted. */
async function measureCells<R extends MeasuredRecord>(
  { opened, work, measure }: ModelCells<R>,
  model: Decoder,
  cells: readonly Cell<R>[],
  directory: string,
  begun: R,
  { progress, now, save }: MeasuringEnvironment<R>,
): Promise<R> {
  const left = cells.filter((cell) => !begun.results.some((result) => isDeepStrictEqual(result.cell, cell)));
  let record: R = { ...begun, status: 'running' };
  await save(directory, record);
  await pointLatest(path.join(directory, '..', '..'), directory, latestOf(record.kind));
  progress.start(
    opened.label,
    left.reduce((sum, cell) => sum + work(cell), 0),
  );
  try {
    for (const cell of left) {
      const result = await measure(withWindow(model, cell.window), cell, now().toISOString(), record.results);
      if (result === null) return { ...record, status: 'interrupted' };
      record = { ...record, results: [...record.results, result] };
      await save(directory, record);
    }
  } finally {
    progress.finish();
  }
  return record;
}
