// A table as data: its values in full precision, and the notes of each row beside them.
import { stringify } from 'csv-stringify/sync';
import type { Table } from './table.js';

/** One object a row, by column key; `notes` is a list. Behind means over seeds stand their standard deviations, as KEY_sd. */
export function tableRecords(table: Table): Record<string, unknown>[] {
  const spread = spreadColumns(table);
  return table.sections.flat().map((row) => ({
    ...Object.fromEntries(
      table.columns.flatMap(({ key }, k): [string, unknown][] => [
        [key, row[k]!.value],
        ...(spread[k]! ? [[deviationKey(key), row[k]!.deviation ?? null] satisfies [string, unknown]] : []),
      ]),
    ),
    notes: [...new Set(row.flatMap(({ notes }) => notes))],
  }));
}

export function renderJson(records: readonly object[]): string {
  return `${JSON.stringify(records, null, 2)}\n`;
}

/** Empty cells where there is no value; the notes in one cell. */
export function renderCsv(table: Table): string {
  const spread = spreadColumns(table);
  const keys = table.columns.flatMap(({ key }, k) => (spread[k]! ? [key, deviationKey(key)] : [key]));
  const records = tableRecords(table).map((record) => ({ ...record, notes: (record.notes as string[]).join('; ') }));
  return stringify(records, { header: true, columns: [...keys, 'notes'] });
}

/** By column, whether a cell of it is a mean over seeds. */
function spreadColumns({ columns, sections }: Table): boolean[] {
  return columns.map((_, k) => sections.flat().some((row) => row[k]!.deviation !== undefined));
}

function deviationKey(key: string): string {
  return `${key}_sd`;
}
