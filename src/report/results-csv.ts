// results.csv: tidy rows as text, numbers in full precision, an empty cell where a value is not known.
import { stringify } from 'csv-stringify/sync';
import type { TidyRow } from './tidy-rows.js';

export function resultsCsv(rows: readonly TidyRow[]): string {
  return stringify([...rows], { header: true, cast: { boolean: String } });
}
