// A training run from disk: its record and what it logged, as `table` and `plot` show it.
import { readStepLog, type TrainingRow, type ValidationRow } from '../train/step-log.js';
import { readTrainingRecord } from '../train/training-record.js';
import path from 'node:path';

/** What reports know of a training run. */
export interface TrainedRun {
  readonly name: string;
  readonly baseline: string;
  readonly parameters: number;
  readonly training: readonly TrainingRow[];
  readonly validation: readonly ValidationRow[];
}

/** @throws UserError 'data' when the directory holds no training run, or its run.json is damaged. */
export function readTraining(directory: string): TrainedRun {
  const { name, model } = readTrainingRecord(directory);
  return {
    ...{ name, baseline: model.baseline, parameters: model.parameters },
    training: readStepLog<TrainingRow>(path.join(directory, 'train.jsonl')),
    validation: readStepLog<ValidationRow>(path.join(directory, 'validation.jsonl')),
  };
}
