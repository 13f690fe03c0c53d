// A table as data: its values in full precision, and the notes of each row beside them.
import { stringify } from 'csv-stringify/sync';
import type { Table } from './table.js';

/** One object a row, by column key; `notes` is a list. */
export function tableRecords(table: Table): Record<string, unknown>[] {
  return table.sections.flat().map((row) => ({
    ...Object.fromEntries(table.columns.map(({ key }, k) => [key, row[k]!.value])),
    notes: [...new Set(row.flatMap(({ notes }) => notes))],
  }));
}

export function renderJson(records: readonly object[]): string {
  return `${JSON.stringify(records, null, 2)}\n`;
}

/** Empty cells where there is no value; the notes in one cell. */
export function renderCsv(table: Table): string {
  const columns = [...table.columns.map(({ key }) => key), 'notes'];
  const records = tableRecords(table).map((record) => ({ ...record, notes: (record.notes as string[]).join('; ') }));
  return stringify(records, { header: true, columns });
}
