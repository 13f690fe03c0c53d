// bench.csv: rows as text, numbers in full precision, an empty cell where a value is not known.
import { stringify } from 'csv-stringify/sync';
import type { BenchRow } from '../bench/bench-rows.js';

export function benchCsv(rows: readonly BenchRow[]): string {
  return stringify([...rows], { header: true });
}
