// The whole of `train`: the models of a recipe one after the other, each into a run directory, from the start or from where they
// stopped.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { createRunDirectory, pointLatest } from '../evaluate/run-directory.js';
import { checkNobodyWrites, thisWriter } from '../evaluate/writer.js';
import { parameterCount } from '../models/checkpoint/parameters.js';
import { UserError } from '../user-error.js';
import { writeAtomically } from '../write-atomically.js';
import { newestCheckpoint } from './checkpoints.js';
import type { Corpus } from './corpus.js';
import { openSession, type Places, type Session, type SessionModel } from './open-session.js';
import type { TrainConfig } from './train-config.js';
import type { TrainEnvironment } from './train-environment.js';
import { openLogs, trainModel } from './train-model.js';
import {
  checkSameConfig,
  checkSameTraining,
  readTrainingRecord,
  type CorpusRecord,
  type TrainingRecord,
} from './training-record.js';

/** The pointer to the newest training in an output directory. */
export const LATEST = 'latest-training';

export type TrainingOutcome = { readonly name: string; readonly directory: string } & (
  | { readonly status: 'complete'; readonly final: string }
  /** Stopped by the signal, or not begun because of it or of a device that was lost. */
  | { readonly status: 'interrupted' }
  | { readonly status: 'failed'; readonly error: UserError }
);

/**
 * Trains the models of a recipe, each into a new run directory below `output`.
 * @throws UserError 'data' for what is wrong in the recipe or its files, 'device' for an engine that is not there.
 */
export async function startTraining(
  config: TrainConfig,
  places: Places,
  output: string,
  environment: TrainEnvironment,
): Promise<TrainingOutcome[]> {
  const session = await openSession(config, places, environment);
  const created = environment.now();
  const hash = createHash('sha256').update(JSON.stringify(config)).digest('hex');
  const directories = session.models.map(({ name }) => createRunDirectory(output, name, hash, created));
  const runs = directories.map((directory) => path.relative(output, directory));
  const records = session.models.map((model, k) =>
    describeRun(session, model, places, environment, {
      directory: directories[k]!,
      runs,
      created: created.toISOString(),
    }),
  );
  for (const [k, record] of records.entries()) await writeRecord(directories[k]!, record);
  return trainAll(session, directories, output, environment);
}

/**
 * Goes on with the training in `directory`, and with the other models of the same recipe, from their newest checkpoints.
 * @param given the recipe, if it is given again: it has to be the same; and where the data lies by now
 * @throws UserError 'data' when it cannot be continued as what it is.
 */
export async function resumeTraining(
  directory: string,
  given: { readonly config?: TrainConfig; readonly dataDir?: string },
  environment: TrainEnvironment,
): Promise<TrainingOutcome[]> {
  const record = readTrainingRecord(directory);
  const { config } = record;
  if (given.config !== undefined) checkSameConfig(config, given.config, directory);
  const output = path.join(directory, '..', '..');
  const directories = record.runs.map((run) => path.join(output, run));
  const records = directories.map(readTrainingRecord);
  for (const [k, { writer }] of records.entries()) checkNobodyWrites(writer, directories[k]!);
  const places = {
    recipe: path.resolve(directory, record.places.recipe),
    data: given.dataDir ?? path.resolve(directory, record.places.data),
  };
  const session = await openSession(config, places, environment);
  for (const [k, model] of session.models.entries()) {
    const { runs, created } = record;
    const now = describeRun(session, model, places, environment, { directory: directories[k]!, runs, created });
    checkSameTraining(records[k]!, now, directories[k]!);
  }
  return trainAll(session, directories, output, environment);
}

async function trainAll(
  session: Session,
  directories: readonly string[],
  output: string,
  environment: TrainEnvironment,
): Promise<TrainingOutcome[]> {
  const signal = environment.signal();
  const outcomes: TrainingOutcome[] = [];
  let deviceLost = false;
  for (const [k, model] of session.models.entries()) {
    const { name } = model;
    const directory = directories[k]!;
    if (signal.aborted || deviceLost) {
      outcomes.push({ status: 'interrupted', name, directory });
      continue;
    }
    await pointLatest(output, directory, LATEST);
    const outcome = await trainOne(session, model, directory, environment, signal);
    deviceLost = outcome.status === 'failed' && outcome.error.kind === 'device';
    outcomes.push(outcome);
  }
  return outcomes;
}

/** Any error is written into run.json; one that the user can do something about does not stop the other models. */
async function trainOne(
  { config, plan, engine }: Session,
  { name, opened, rows, validation, tokenizerFiles }: SessionModel,
  directory: string,
  environment: TrainEnvironment,
  signal: AbortSignal,
): Promise<TrainingOutcome> {
  if (readTrainingRecord(directory).status === 'complete')
    return { status: 'complete', name, directory, final: path.join(directory, 'final') };
  await update(directory, { status: 'running', failure: null, writer: thisWriter() });
  try {
    const logs = openLogs(directory, newestCheckpoint(directory)?.state.step ?? 0);
    const ceiling = await environment.ceiling(opened, engine, config);
    const final = await trainModel(
      {
        name,
        directory,
        opened,
        engine,
        config,
        plan,
        rows,
        tokenizerFiles,
        ceiling,
        validation: validation?.set ?? null,
      },
      logs,
      environment,
      signal,
    );
    await environment.saveTables(directory, logs.training.rows, logs.validation.rows);
    await update(directory, { status: final === null ? 'interrupted' : 'complete', writer: null });
    return final === null ? { status: 'interrupted', name, directory } : { status: 'complete', name, directory, final };
  } catch (error) {
    // On a full disk this fails too, and the error that came first is the one to tell.
    await update(directory, { status: 'failed', failure: (error as Error).message, writer: null }).catch(() => {});
    if (!(error instanceof UserError)) throw error;
    return { status: 'failed', name, directory, error: withWayOn(error, directory) };
  }
}

/** What passes (a full disk, a device that was lost) is gone on from when it has passed. */
function withWayOn(error: UserError, directory: string): UserError {
  const full = ['ENOSPC', 'EDQUOT'].includes((error.cause as NodeJS.ErrnoException | undefined)?.code ?? '');
  if (!full && error.kind !== 'device') return error;
  return new UserError(error.kind, `${error.message}; the checkpoints before are kept`, {
    hint: `${full ? 'make room, then ' : ''}swat-eval train --resume ${directory}`,
    cause: error,
  });
}

interface RunIdentity {
  readonly directory: string;
  readonly runs: readonly string[];
  readonly created: string;
}

function describeRun(
  { config, plan, engine }: Session,
  { name, opened, tokenizer, data, rows, validation }: SessionModel,
  places: Places,
  { build }: TrainEnvironment,
  { directory, runs, created }: RunIdentity,
): TrainingRecord {
  const { spec, label, baseline, rawConfig } = opened;
  const total = plan.steps * plan.rowsPerStep;
  return {
    ...{ format: 1, kind: 'train', runId: path.basename(directory), status: 'planned', failure: null, created, name },
    model: {
      ...{ spec: config.model[name] ?? spec, label, baseline, config: rawConfig },
      parameters: parameterCount(opened.config),
      window: opened.config.window,
    },
    tokenizer: {
      name: path.isAbsolute(tokenizer.name) ? path.relative(directory, tokenizer.name) : tokenizer.name,
      fingerprint: tokenizer.fingerprint,
      vocabularySize: tokenizer.vocabularySize,
    },
    engine: {
      backend: engine.backend,
      dtype: config.dtype,
      device: engine.device,
      software: engine.software,
      blas: engine.blas ?? null,
    },
    runs: [...runs],
    config,
    places: { recipe: path.relative(directory, places.recipe), data: path.relative(directory, places.data) },
    data: describeCorpus(data),
    validation: validation === null ? null : describeCorpus(validation.corpus),
    plan: {
      ...{ steps: plan.steps, rowsPerStep: plan.rowsPerStep, tokensPerStep: plan.tokensPerStep },
      ...{ tokens: plan.steps * plan.tokensPerStep, epochs: total / rows.rowsPerEpoch },
    },
    ...{ build, node: process.version, platform: `${process.platform} ${process.arch}`, writer: null },
  };
}

function describeCorpus({ source, file }: Corpus): CorpusRecord {
  const { tokens, documents, digest } = file.description;
  return { source, tokens, documents, digest };
}

async function update(directory: string, changes: Partial<TrainingRecord>): Promise<void> {
  await writeRecord(directory, { ...readTrainingRecord(directory), ...changes });
}

async function writeRecord(directory: string, record: TrainingRecord): Promise<void> {
  await writeAtomically(path.join(directory, 'run.json'), `${JSON.stringify(record, null, 1)}\n`);
}
