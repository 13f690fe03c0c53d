// ppl.csv and ppl-by-position.csv: rows as text, numbers in full precision, an empty cell where a value is not known.
import { stringify } from 'csv-stringify/sync';
import type { PositionRow, PplRow } from '../perplexity/ppl-rows.js';

export function pplCsv(rows: readonly (PplRow | PositionRow)[]): string {
  return stringify([...rows], { header: true });
}
