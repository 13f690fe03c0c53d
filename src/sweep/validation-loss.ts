// What a learning-rate search compares: the validation loss at the end of a training run.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { explainFileError } from '../file-errors.js';
import { UserError } from '../user-error.js';

/**
 * Mean over the validation lengths of the last validation in validation.csv (step,length,tokens,loss,perplexity), nats a token.
 * @throws UserError 'data' where the run has none
 */
export function lastValidationLoss(run: string): number {
  const file = path.join(run, 'validation.csv');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw explainFileError(error, 'read', file);
  }
  const [header, ...lines] = text.trim().split('\n');
  const column = (name: string) => header!.split(',').indexOf(name);
  const rows = lines.map((line) => line.split(','));
  const last = rows.at(-1)?.[column('step')];
  const losses = rows.filter((row) => row[column('step')] === last).map((row) => Number(row[column('loss')]));
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  if (!Number.isFinite(mean)) throw new UserError('data', `${file} has no validation loss`, { where: file });
  return mean;
}
