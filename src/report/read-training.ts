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
  readonly record: Pick<
    TrainingRecord,
    'runId' | 'status' | 'failure' | 'created' | 'model' | 'engine' | 'config' | 'data' | 'validation' | 'build'
  >;
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

/** Why there is no model, as the run's record says; null where nothing failed. */
export function failureOf({ record: { status, failure } }: TrainedRun): string | null {
  return status === 'failed' ? (failure ?? 'failed, nobody wrote down why') : null;
}

/** A sentence for each run that failed, with that of its record. */
export function failureRemarks(runs: readonly TrainedRun[]): string[] {
  return runs.flatMap((run) => {
    const failure = failureOf(run);
    return failure === null ? [] : [`${run.name} (${run.record.runId}) failed: ${failure}.`];
  });
}
