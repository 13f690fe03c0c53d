// A training run from disk: its record and what it logged, as `table`, `plot` and `report` show it.
import path from 'node:path';
import { readStepLog, type TrainingRow, type ValidationRow } from '../train/step-log.js';
import { readTrainingRecord, type TrainingRecord } from '../train/training-record.js';

/** What reports know of a training run. */
export interface TrainedRun {
  readonly name: string;
  readonly baseline: string;
  readonly parameters: number;
  /** What its numbers come from. */
  readonly record: Pick<TrainingRecord, 'runId' | 'created' | 'model' | 'engine' | 'config' | 'data' | 'build'>;
  readonly training: readonly TrainingRow[];
  readonly validation: readonly ValidationRow[];
}

/** @throws UserError 'data' when the directory holds no training run, or its run.json is damaged. */
export function readTraining(directory: string): TrainedRun {
  const record = readTrainingRecord(directory);
  const { name, model } = record;
  return {
    ...{ name, baseline: model.baseline, parameters: model.parameters, record },
    training: readStepLog<TrainingRow>(path.join(directory, 'train.jsonl')),
    validation: readStepLog<ValidationRow>(path.join(directory, 'validation.jsonl')),
  };
}
