// One model's training, from its first step or from a checkpoint: read, step, measure, keep. A step depends on the weights, the
// moments and its number alone, so that a run that was stopped goes on to the same losses.
import path from 'node:path';
import type { Engine } from '../backends/engine.js';
import { engineMemory, resetPeak } from '../backends/engine-memory.js';
import { OutOfMemoryError } from '../backends/out-of-memory.js';
import { roomFor } from '../evaluate/model-scorer.js';
import { AdamWOptimizer } from '../models/adamw-optimizer.js';
import { readCheckpoint } from '../models/checkpoint/checkpoint.js';
import { modelParameters } from '../models/checkpoint/parameters.js';
import type { Decoder } from '../models/decoder.js';
import { startModel, type OpenedModel } from '../models/load-language-model.js';
import { trainingBytes } from '../models/training-bytes.js';
import type { TokenizerFiles } from '../tokenizers/save-tokenizer.js';
import { UserError } from '../user-error.js';
import { newestCheckpoint, restoreMoments, saveCheckpoint, saveFinal, type Checkpoint } from './checkpoints.js';
import { DivergenceWatch } from './divergence.js';
import type { TrainingPlan } from './plan.js';
import type { Row, RowStream } from './row-stream.js';
import { LossScale } from './loss-scale.js';
import { learningRate } from './schedule.js';
import { StepLog, type TrainingRow, type ValidationRow } from './step-log.js';
import type { TrainConfig } from './train-config.js';
import type { TrainEnvironment } from './train-environment.js';
import { trainStep, type StepResult } from './train-step.js';
import { validate, type ValidationSet } from './validate.js';

export interface Training {
  readonly name: string;
  readonly directory: string;
  readonly opened: OpenedModel;
  readonly engine: Engine;
  readonly config: TrainConfig;
  readonly plan: TrainingPlan;
  readonly rows: RowStream;
  readonly validation: ValidationSet | null;
  readonly tokenizerFiles: TokenizerFiles;
  /** Tokens a second that the engine's fastest matrix product would allow; null where no formula is known. */
  readonly ceiling: number | null;
}

export interface TrainingLogs {
  readonly training: StepLog<TrainingRow>;
  readonly validation: StepLog<ValidationRow>;
}

/** Opens the logs to go on behind a step. */
export function openLogs(directory: string, step: number): TrainingLogs {
  return {
    training: new StepLog(path.join(directory, 'train.jsonl'), step),
    validation: new StepLog(path.join(directory, 'validation.jsonl'), step),
  };
}

/**
 * Trains to the end, or until the signal aborts: then a checkpoint of the step that was running is written.
 * @returns the directory of the final weights, null when it was stopped.
 * @throws UserError 'failure' when the loss diverges, a batch does not fit into memory, or the disk is full.
 */
export async function trainModel(
  training: Training,
  logs: TrainingLogs,
  environment: TrainEnvironment,
  signal: AbortSignal,
): Promise<string | null> {
  const { directory, opened, engine, config, name, plan, ceiling } = training;
  const checkpoint = newestCheckpoint(directory);
  engine.use();
  resetPeak();
  const { model } = await startModel(await withWeightsOf(checkpoint, opened), engine, config.dtype, { trained: true });
  const optimizer = createOptimizer(model, opened, config);
  try {
    refuseWhatCannotFit(model, engine, plan);
    if (checkpoint !== null) await restoreMoments(checkpoint, optimizer);
    const watch = new DivergenceWatch(
      config.max_loss_factor,
      model.vocabularySize,
      checkpoint?.state.recentLosses ?? [],
    );
    const left = (plan.steps - optimizer.steps) * plan.tokensPerStep;
    const scale = new LossScale(config.dtype === 'f16' ? plan.batchRows * plan.length : 1, checkpoint?.state);
    environment.progress.start(name, left, ceiling === null ? {} : { ceiling });
    await runSteps({ training, model, optimizer, scale, watch, logs, environment, signal });
    const { rawConfig } = opened;
    const { tokenizerFiles } = training;
    if (optimizer.steps < plan.steps) return null;
    return await saveFinal(directory, { rawConfig, parameters: model.parameters, tokenizerFiles }, config.final_dtype);
  } finally {
    environment.progress.finish();
    engine.use();
    optimizer.dispose();
    model.dispose();
  }
}

interface Loop {
  readonly training: Training;
  readonly model: Decoder;
  readonly optimizer: AdamWOptimizer;
  readonly scale: LossScale;
  readonly watch: DivergenceWatch;
  readonly logs: TrainingLogs;
  readonly environment: TrainEnvironment;
  readonly signal: AbortSignal;
}

async function runSteps(loop: Loop): Promise<void> {
  const { training, model, optimizer, watch, logs, environment, signal } = loop;
  const { config, plan, engine, validation } = training;
  let [seconds, measured] = [0, optimizer.steps];
  while (optimizer.steps < plan.steps) {
    await new Promise(setImmediate); // signals are delivered between turns of the event loop only
    if (signal.aborted) return save(loop);
    const began = environment.clock();
    const step = optimizer.steps + 1;
    const rows = Array.from({ length: plan.rowsPerStep }, (_, k) =>
      training.rows.row((step - 1) * plan.rowsPerStep + k),
    );
    const rate = learningRate(plan.schedule, step);
    const { loss, gradNorm } = await guardedStep(loop, rows, rate);
    const wrong = watch.judge(loss, gradNorm);
    if (wrong !== null) throw diverged(training, step, rows, wrong);
    seconds += (environment.clock() - began) / 1000;
    environment.progress.advance(plan.tokensPerStep);

    const due = (every: number) => step % every === 0 || step === plan.steps;
    if (due(config.log_every)) {
      logs.training.append({
        ...{ step, tokens: step * plan.tokensPerStep, loss, learning_rate: rate, grad_norm: gradNorm },
        tokens_per_s: Math.round(((step - measured) * plan.tokensPerStep) / seconds),
        peak_bytes: engineMemory().peakBytes,
      });
      [seconds, measured] = [0, step];
    }
    if (validation !== null && due(config.validation!.every))
      for (const row of await validate(model, engine, validation, step)) logs.validation.append(row);
    if (due(config.checkpoint_every)) await save(loop);
  }
}

async function guardedStep(
  { model, optimizer, scale, training, environment }: Loop,
  rows: readonly Row[],
  rate: number,
): Promise<StepResult> {
  const { engine, plan } = training;
  const batches = Array.from({ length: plan.accumulation }, (_, k) =>
    rows.slice(k * plan.batchRows, (k + 1) * plan.batchRows).map(({ ids }) => ids),
  );
  engine.use();
  const before = scale.value;
  try {
    const result = await engine.guard(() => trainStep(model, optimizer, batches, rate, scale));
    if (scale.value < before)
      environment.log(`step ${optimizer.steps}: gradients left f16, and the loss scale is ${scale.value} now`);
    return result;
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) throw error;
    throw tooLarge(plan, error.message);
  }
}

/** Writes a checkpoint, unless there is nothing to keep or there is one of this step. */
async function save({ training, model, optimizer, scale, watch, logs, environment }: Loop): Promise<void> {
  const { directory, opened, config, plan, tokenizerFiles } = training;
  const step = optimizer.steps;
  if (step === 0 || newestCheckpoint(directory)?.state.step === step) return;
  await saveCheckpoint(
    directory,
    { rawConfig: opened.rawConfig, parameters: model.parameters, tokenizerFiles },
    optimizer,
    {
      ...{ format: 1, step, row: step * plan.rowsPerStep, dataSeed: config.seeds.data },
      ...scale.state(),
      recentLosses: [...watch.losses()],
    },
    config.keep_checkpoints,
  );
  await environment.saveTables(directory, logs.training.rows, logs.validation.rows);
}

async function withWeightsOf(checkpoint: Checkpoint | null, opened: OpenedModel): Promise<OpenedModel> {
  if (checkpoint === null) return opened;
  return { ...opened, tensors: (await readCheckpoint(checkpoint.directory)).tensors };
}

function createOptimizer(model: Decoder, { config }: OpenedModel, recipe: TrainConfig): AdamWOptimizer {
  const decayed = new Map(modelParameters(config).map(({ name, decay }) => [name, decay]));
  const { betas, eps, weight_decay } = recipe.optimizer;
  return new AdamWOptimizer(model.parameters, {
    ...{ beta1: betas[0], beta2: betas[1], epsilon: eps, weightDecay: weight_decay },
    maxGradNorm: recipe.max_grad_norm,
    decayed: (name) => decayed.get(name) ?? false,
  });
}

/** A heap that overflows aborts the engine for good: there the need is estimated before. */
function refuseWhatCannotFit(model: Decoder, engine: Engine, plan: TrainingPlan): void {
  const room = roomFor(engine, model);
  const need = trainingBytes(model, plan.batchRows, plan.length);
  const mebibytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  if (room !== null && need > room)
    throw tooLarge(plan, `it needs about ${mebibytes(need)}, and ${mebibytes(room)} are free`);
}

function tooLarge({ batchRows, length, accumulation }: TrainingPlan, why: string): UserError {
  return new UserError('failure', `a batch of ${batchRows} rows of ${length} tokens does not fit into memory: ${why}`, {
    ...(batchRows === 1
      ? { hint: 'a shorter sequence_length' }
      : {
          hint: `batch_size: ${Math.ceil(batchRows / 2)} with accumulation_steps: ${2 * accumulation}, the same step in smaller batches`,
        }),
  });
}

/** Documents that an error names. */
const NAMED = 8;

function diverged(
  { directory, rows: stream, plan }: Training,
  step: number,
  rows: readonly Row[],
  wrong: string,
): UserError {
  const documents = new Set(
    rows.flatMap((row) => {
      const { first, last } = stream.documents(row);
      return [first, last];
    }),
  );
  const named = [...documents].sort((a, b) => a - b);
  const list = named.slice(0, NAMED).join(', ') + (named.length > NAMED ? ` and ${named.length - NAMED} more` : '');
  const first = (step - 1) * plan.rowsPerStep;
  const last = newestCheckpoint(directory);
  return new UserError(
    'failure',
    `training diverged at step ${step}, rows ${first} to ${first + rows.length - 1} (documents ${list}): ${wrong}; ` +
      (last === null ? 'there is no checkpoint before it' : `the last good checkpoint is ${last.directory}`),
    { where: directory, hint: 'a lower optimizer.lr, a longer schedule.warmup_steps, or a smaller max_grad_norm' },
  );
}
