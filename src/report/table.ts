// A table before it is text: what every format prints, and what CSV and JSON give as data.

export interface Column {
  /** Name in CSV and JSON. */
  readonly key: string;
  readonly title: string;
  readonly align: 'left' | 'right';
}

export interface Cell {
  readonly text: string;
  /** The same in full precision for CSV and JSON; null where there is no value. */
  readonly value: string | number | null;
  /** Remarks printed below the table, under a number that stands behind the text. */
  readonly notes: readonly string[];
  /** Between the seeds that the value is the mean of; CSV and JSON have it in a column of its own. */
  readonly deviation?: number;
  readonly emphasis: 'best' | 'second' | null;
}

/** A cell for each column. */
export type Row = readonly Cell[];

export interface Table {
  readonly columns: readonly Column[];
  /** Rows in groups that belong together: own models, published ones, guessing. */
  readonly sections: readonly (readonly Row[])[];
  /** Remarks on the table as a whole. */
  readonly remarks: readonly string[];
}

/** Stands where there is no value. */
export const MISSING = '–';

export function textCell(text: string): Cell {
  return { text, value: text === MISSING ? null : text, notes: [], emphasis: null };
}

/** Every note once, in the order of reading; note k is printed under the number k + 1. */
export function footnotes({ sections }: Table): string[] {
  return [...new Set(sections.flat(2).flatMap(({ notes }) => notes))];
}

/** Numbers of a cell's notes, from 1 on, ascending. */
export function noteNumbers(cell: Cell, footnotes: readonly string[]): number[] {
  return cell.notes.map((note) => footnotes.indexOf(note) + 1).sort((a, b) => a - b);
}
