// The main job: models x tasks to finished run directories, from the start or from where a run stopped. Everything that can
// fail early (tasks, data, configurations, tokenizers, the plan, the output directory) is done for all models first.
import path from 'node:path';
import type { LoadedTask } from '../data/load-task.js';
import type { BuildInfo } from '../package-root.js';
import type { Task } from '../tasks/task.js';
import { byteTokenizer } from '../tokenizers/byte-tokenizer.js';
import { UserError } from '../user-error.js';
import type { ModelSource } from './model-source.js';
import { buildPlan } from './plan.js';
import type { EncoderFor, Plan } from './plan.js';
import type { Progress } from './progress.js';
import { createCachedRequestEncoder } from './encoded-cache.js';
import { createRunDirectory, pointLatest } from './run-directory.js';
import { evaluateModel } from './evaluate-model.js';
import type { PlannedRun, RunResult } from './evaluate-model.js';
import { readRunRecord, writeRunRecord } from './run-record.js';
import type { RunRecord } from './run-record.js';
import { agreedSettings } from './run-settings.js';
import { createRequestEncoder } from './request-encoder.js';
import type { RunSettings } from './run-settings.js';
import { checkSamePlan } from './same-run.js';
import { formatBatchSize } from './schedule.js';
import { checkNobodyWrites, thisWriter } from './writer.js';

/** What a run reaches outside for; the command line wires it, tests replace it. */
export interface RunEnvironment {
  resolveTasks(names: readonly string[]): Promise<Task[]>;
  loadTask(task: Task, settings: RunSettings): Promise<LoadedTask>;
  /** Reads configuration and tokenizer of a model, not its weights. */
  openModel(spec: string, settings: RunSettings): Promise<ModelSource>;
  /** Writes results.json and what else is made of a finished run into its directory. */
  writeResults(directory: string, result: RunResult): Promise<void>;
  /** Where encoded requests are kept, unless the settings say. */
  readonly cacheDirectory: string;
  readonly progress: Progress;
  /** A remark for the user, one sentence. */
  log(sentence: string): void;
  now(): Date;
  /** Milliseconds of a clock that only goes forward. */
  clock(): number;
  /** Asks all runs to stop after the batch that is running. It is called for when there is work that could be lost. */
  signal(): AbortSignal;
  readonly build: BuildInfo;
}

export type RunOutcome =
  | { readonly status: 'complete'; readonly directory: string; readonly result: RunResult }
  /** Stopped by the signal, or not begun because of it or of a device that was lost. */
  | { readonly status: 'interrupted'; readonly directory: string }
  | { readonly status: 'failed'; readonly directory: string; readonly error: UserError };

/** Evaluates `settings.models` one after another, each into a new run directory below `output`. */
export async function startRuns(
  settings: RunSettings,
  output: string,
  environment: RunEnvironment,
): Promise<RunOutcome[]> {
  const planned = await planModels(settings, environment);
  const created = environment.now();
  const runs = planned.map(({ source, plan }) => ({
    source,
    plan,
    directory: createRunDirectory(output, source.spec, plan.hash, created),
  }));
  const directories = runs.map(({ directory }) => path.relative(output, directory));
  for (const { directory, source, plan } of runs)
    await writeRunRecord(directory, {
      format: 1,
      runId: path.basename(directory),
      status: 'planned',
      failure: null,
      created: created.toISOString(),
      model: source.spec,
      runs: directories,
      settings,
      plan: recordPlan(plan, source.tokenizer.fingerprint),
      loaded: null,
      build: environment.build,
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      writer: null,
    });
  return evaluateAll(runs, output, environment);
}

/**
 * Goes on with the run in `directory` and with those of the other models of the same command, where they stopped. A run
 * that is complete is not scored again.
 * @param given settings that the user repeats: they have to be those of the run.
 * @throws UserError 'data' when the run cannot be continued as what it is.
 */
export async function resumeRuns(
  directory: string,
  given: Partial<RunSettings>,
  environment: RunEnvironment,
): Promise<RunOutcome[]> {
  const record = readRunRecord(directory);
  const settings = agreedSettings(record.settings, given, directory);
  const output = path.join(directory, '..', '..');
  const directories = record.runs.map((run) => path.join(output, run));
  const records = directories.map(readRunRecord);
  for (const [index, { writer }] of records.entries()) checkNobodyWrites(writer, directories[index]!);
  const planned = await planModels(settings, environment);
  const runs = planned.map(({ source, plan }, index) => {
    const where = directories[index]!;
    checkSamePlan(records[index]!, plan, source.tokenizer.fingerprint, environment.build, where);
    return { source, plan, directory: where };
  });
  return evaluateAll(runs, output, environment);
}

async function evaluateAll(
  runs: readonly PlannedRun[],
  output: string,
  environment: RunEnvironment,
): Promise<RunOutcome[]> {
  const signal = environment.signal();
  const outcomes: RunOutcome[] = [];
  let deviceLost = false;
  for (const run of runs) {
    const { directory } = run;
    if (signal.aborted || deviceLost) {
      outcomes.push({ status: 'interrupted', directory });
      continue;
    }
    await pointLatest(output, directory);
    const outcome = await evaluateOne(run, signal, environment);
    deviceLost = outcome.status === 'failed' && outcome.error.kind === 'device';
    outcomes.push(outcome);
  }
  return outcomes;
}

/** Any error is written into run.json; one that the user can do something about does not stop the other models. */
async function evaluateOne(run: PlannedRun, signal: AbortSignal, environment: RunEnvironment): Promise<RunOutcome> {
  const { directory } = run;
  await update(directory, { status: 'running', failure: null, writer: thisWriter() });
  try {
    const result = await evaluateModel(run, {
      progress: environment.progress,
      clock: () => environment.clock(),
      signal,
    });
    if (result === null) {
      await update(directory, { status: 'interrupted', writer: null });
      return { status: 'interrupted', directory };
    }
    await environment.writeResults(directory, result);
    await update(directory, { status: 'complete', writer: null });
    return { status: 'complete', directory, result };
  } catch (error) {
    await update(directory, { status: 'failed', failure: (error as Error).message, writer: null });
    if (!(error instanceof UserError)) throw error;
    return { status: 'failed', directory, error };
  }
}

async function update(directory: string, changes: Partial<RunRecord>): Promise<void> {
  await writeRunRecord(directory, { ...readRunRecord(directory), ...changes });
}

/** Names are looked up before anything large is read or fetched. Models that share tokenizer and length share one plan. */
async function planModels(
  settings: RunSettings,
  environment: RunEnvironment,
): Promise<{ source: ModelSource; plan: Plan }[]> {
  const tasks = await environment.resolveTasks(settings.tasks);
  const sources: ModelSource[] = [];
  for (const spec of settings.models) sources.push(await environment.openModel(spec, settings));
  environment.log(`reading and encoding ${tasks.map(({ name }) => name).join(', ')}`);
  const loaded: LoadedTask[] = [];
  for (const task of tasks) loaded.push(await environment.loadTask(task, settings));
  const plans = new Map<string, Plan>();
  const planned: { source: ModelSource; plan: Plan }[] = [];
  for (const source of sources) {
    const { tokenizer, maxLength, vocabularySize } = source;
    const key = JSON.stringify([tokenizer.fingerprint, maxLength, vocabularySize]);
    let plan = plans.get(key);
    if (plan === undefined) {
      plan = await buildPlan(loaded, encoderFor(source, settings, environment), {
        limit: settings.limit,
        batchSize: formatBatchSize(settings.batchSize),
        fork: settings.fork,
        bosPolicy: settings.bos,
        maxLength,
        tokenizerFingerprint: tokenizer.fingerprint,
        vocabularySize,
      });
      plans.set(key, plan);
    }
    planned.push({ source, plan });
  }
  return planned;
}

/** Bytes are encoded faster than they are read from a cache. */
function encoderFor(
  { tokenizer, maxLength }: ModelSource,
  { bos, cacheDir }: RunSettings,
  { cacheDirectory }: RunEnvironment,
): EncoderFor {
  const encoding = { tokenizer, options: { bos }, maxLength };
  if (tokenizer === byteTokenizer) return async () => createRequestEncoder(encoding);
  return (requests) => createCachedRequestEncoder(requests, encoding, cacheDir ?? cacheDirectory);
}

function recordPlan(plan: Plan, tokenizerFingerprint: string): RunRecord['plan'] {
  return {
    hash: plan.hash,
    tokenizerFingerprint,
    tasks: plan.tasks.map(({ task, digest, label, documents, pieces }) => ({
      name: task.name,
      version: task.version,
      digest,
      label,
      documents: documents.length,
      requests: pieces.flat().length,
    })),
  };
}
