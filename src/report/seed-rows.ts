// Rows of tables whose runs differ in their seed alone, as one row: numbers as mean and standard deviation, texts where they agree.
import { mean } from '../metrics/stderr.js';
import { fixed } from './number-text.js';
import { seedCell, seedNotes } from './seed-cells.js';
import { MISSING, textCell, type Cell, type Column } from './table.js';

export interface SeededColumn<Row> extends Column {
  readonly text: (row: Row) => string;
  /** What is printed of several seeds; absent: the text that they share, else nothing. */
  readonly seeds?: (rows: readonly Row[]) => Cell;
}

/** A run beside others of a table. */
export interface NamedRun {
  /** Without the seed. */
  readonly name: string;
  /** What tells the weights of seeds apart. */
  readonly weights: string;
  /** What seeds of a model have in common, beside the name. */
  readonly setting: string;
  /** A label that no other run has. */
  readonly told: string;
}

/** Runs of one name are called by it where they are seeds of one model, one run each. */
export function seedLabels(runs: readonly NamedRun[]): string[] {
  return runs.map(({ name, told }) => {
    const own = runs.filter((run) => run.name === name);
    const weights = new Set(own.map((run) => run.weights)).size;
    const settings = new Set(own.map((run) => run.setting)).size;
    return own.length > 1 && weights === own.length && settings === 1 ? name : told;
  });
}

/** Rows with one key, as one row each; its first cell, the model's, says which runs it is of. */
export function seedRows<Row extends { run_id: string }>(
  rows: readonly Row[],
  columns: readonly SeededColumn<Row>[],
  keyOf: (row: Row) => string,
): Cell[][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row]);
  return [...groups.values()].map((own) => {
    const [first, ...others] = columns.map((column) => cellOf(column, own));
    const notes = seedNotes(
      own.length,
      own.map(({ run_id }) => run_id),
    );
    return [{ ...first!, notes }, ...others];
  });
}

function cellOf<Row>({ text, seeds }: SeededColumn<Row>, rows: readonly Row[]): Cell {
  if (rows.length > 1 && seeds !== undefined) return seeds(rows);
  const texts = new Set(rows.map(text));
  return textCell(texts.size === 1 ? [...texts][0]! : MISSING);
}

/** Digits behind the point, of a number of its own or of the mean of several. */
type Digits = number | ((value: number) => number);

/** Of the rows that have the number. */
export function meanOf<Row>(valueOf: (row: Row) => number | null, digits: Digits) {
  return (rows: readonly Row[]): Cell => {
    const values = rows.flatMap((row) => valueOf(row) ?? []);
    return seedCell(values, values.length === 0 ? 0 : digitsOf(mean(values), digits));
  };
}

/** The column of a number that a row may lack; seeds have its mean and deviation. */
export function numberColumn<Key extends string>(key: Key, title: string, digits: Digits) {
  type Row = Readonly<Record<Key, number | null>>;
  return {
    key,
    title,
    align: 'right',
    text: ({ [key]: value }: Row) => fixed(value, value === null ? 0 : digitsOf(value, digits)),
    seeds: meanOf(({ [key]: value }: Row) => value, digits),
  } as const;
}

function digitsOf(value: number, digits: Digits): number {
  return typeof digits === 'number' ? digits : digits(value);
}
