// The tables of a training run as CSV: train.csv and validation.csv, the rows of train.jsonl and validation.jsonl.
import path from 'node:path';
import { stringify } from 'csv-stringify/sync';
import type { TrainingRow, ValidationRow } from '../train/step-log.js';
import { writeAtomically } from '../write-atomically.js';

const TRAINING: readonly (keyof TrainingRow)[] = [
  'step',
  'tokens',
  'loss',
  'learning_rate',
  'grad_norm',
  'tokens_per_s',
  'peak_bytes',
];
const VALIDATION: readonly (keyof ValidationRow)[] = ['step', 'length', 'tokens', 'loss', 'perplexity'];

/** validation.csv is written where there was a validation. @throws UserError 'failure' when a file cannot be written. */
export async function writeTraining(
  directory: string,
  training: readonly TrainingRow[],
  validation: readonly ValidationRow[],
): Promise<void> {
  await writeAtomically(path.join(directory, 'train.csv'), csv(TRAINING, training));
  if (validation.length > 0) await writeAtomically(path.join(directory, 'validation.csv'), csv(VALIDATION, validation));
}

function csv<Row>(columns: readonly (keyof Row & string)[], rows: readonly Row[]): string {
  return stringify([...rows], { header: true, columns: [...columns] });
}
