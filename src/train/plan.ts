// What a recipe amounts to: rows a batch, tokens a step, steps, and the learning rate of each.
import { UserError } from '../user-error.js';
import type { Schedule } from './schedule.js';
import type { TrainConfig } from './train-config.js';

export interface TrainingPlan {
  /** Tokens that a row predicts. */
  readonly length: number;
  /** Rows that go through the model at once. */
  readonly batchRows: number;
  /** Batches a step. */
  readonly accumulation: number;
  readonly rowsPerStep: number;
  readonly tokensPerStep: number;
  readonly steps: number;
  readonly schedule: Schedule;
}

/** @throws UserError 'data' when settings of the recipe contradict each other. */
export function planTraining(config: TrainConfig): TrainingPlan {
  const { sequence_length: length, accumulation_steps: accumulation, optimizer } = config;
  const batchRows = rowsOf(config.batch_size, length);
  const rowsPerStep = batchRows * accumulation;
  const tokensPerStep = rowsPerStep * length;
  const steps = config.steps ?? Math.ceil(config.tokens! / tokensPerStep);
  const { kind, min_lr_factor, decay_ratio } = config.schedule;
  const warmupSteps = config.schedule.warmup_steps ?? Math.ceil(steps / 50);
  if (warmupSteps > steps)
    throw new UserError('data', `schedule.warmup_steps is ${warmupSteps}, and the run has ${steps} steps`);
  return {
    ...{ length, batchRows, accumulation, rowsPerStep, tokensPerStep, steps },
    schedule: {
      ...{ kind, steps, warmupSteps },
      peak: optimizer.lr,
      minimum: min_lr_factor * optimizer.lr,
      decaySteps: Math.round(decay_ratio * steps),
    },
  };
}

function rowsOf(batch: TrainConfig['batch_size'], length: number): number {
  if (typeof batch === 'number') return batch;
  const rows = Math.floor(Number(batch.slice('tokens:'.length)) / length);
  if (rows === 0) throw new UserError('data', `batch_size is ${batch}, and a row alone has ${length} tokens`);
  return rows;
}
