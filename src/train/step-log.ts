// train.jsonl and validation.jsonl: one line a measurement, appended as training goes. A run that is resumed cuts them back to its
// checkpoint's step.
import { appendFileSync, readFileSync, truncateSync } from 'node:fs';
import { explainFileError } from '../file-errors.js';

/** A line of train.jsonl. */
export interface TrainingRow {
  readonly step: number;
  /** Predicted so far. */
  readonly tokens: number;
  /** Mean cross-entropy of the step's predictions in nats, before its update. */
  readonly loss: number;
  readonly learning_rate: number;
  /** Of all gradients together, before clipping. */
  readonly grad_norm: number;
  /** Since the line before, validations and checkpoints left out. */
  readonly tokens_per_s: number;
  /** The most that the engine held so far: of its buffers, its heap, or the process. */
  readonly peak_bytes: number;
}

/** A line of validation.jsonl. */
export interface ValidationRow {
  readonly step: number;
  /** The longest context of a prediction. */
  readonly length: number;
  /** Predicted. */
  readonly tokens: number;
  /** Nats a token. */
  readonly loss: number;
  readonly perplexity: number;
}

export class StepLog<Row extends { readonly step: number }> {
  readonly rows: Row[];
  private readonly file: string;

  /** Opens a log to go on behind `step`: what follows in the file, and a torn last line, is cut off. */
  constructor(file: string, step: number) {
    this.file = file;
    const { rows, bytes, size } = parseLog<Row>(file, step);
    this.rows = rows;
    if (bytes < size) this.guarded(() => truncateSync(file, bytes));
  }

  /** @throws UserError 'failure' when the disk does not take it. */
  append(row: Row): void {
    this.guarded(() => appendFileSync(this.file, `${JSON.stringify(row)}\n`));
    this.rows.push(row);
  }

  private guarded(write: () => void): void {
    try {
      write();
    } catch (error) {
      throw explainFileError(error, 'write', this.file);
    }
  }
}

/** The lines of a log that is there, none where there is no log. */
export function readStepLog<Row extends { readonly step: number }>(file: string): Row[] {
  return parseLog<Row>(file, Infinity).rows;
}

/** Lines up to `step`, and the bytes that they take of the file's. */
function parseLog<Row extends { readonly step: number }>(file: string, step: number) {
  const content = readContent(file);
  const rows: Row[] = [];
  let bytes = 0;
  for (let end = content.indexOf(10); end >= 0; end = content.indexOf(10, bytes)) {
    const row = parseRow<Row>(content.toString('utf8', bytes, end));
    if (row === null || row.step > step) break;
    rows.push(row);
    bytes = end + 1;
  }
  return { rows, bytes, size: content.length };
}

function readContent(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw explainFileError(error, 'read', file);
  }
}

function parseRow<Row>(line: string): Row | null {
  try {
    return JSON.parse(line) as Row;
  } catch {
    return null;
  }
}
