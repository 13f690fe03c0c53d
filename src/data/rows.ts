// The rows of a data file, each with the place it came from: JSONL, one passage a line, or WikiText pages.
import type { StoredDataset } from '../tasks/task.js';
import { UserError } from '../user-error.js';
import { readTextFile } from './text-file.js';
import { joinPages, splitPages } from './wikitext-pages.js';

export interface Row {
  readonly value: Readonly<Record<string, unknown>>;
  /** `file:line`. */
  readonly where: string;
}

export type RowFormat = NonNullable<StoredDataset['text']> | 'jsonl';

export function rowFormat(dataset: StoredDataset): RowFormat {
  return dataset.text ?? 'jsonl';
}

/** @throws UserError 'data' for a file that cannot be read, and for the first row that is no JSON object, with its line. */
export async function readRows(format: RowFormat, file: string): Promise<Row[]> {
  return parseRows(format, await readTextFile(file), file);
}

/** @param file What the errors and `Row.where` call the text. */
export function parseRows(format: RowFormat, text: string, file: string): Row[] {
  switch (format) {
    case 'jsonl':
      return lines(text).flatMap((line, index) => {
        const where = `${file}:${index + 1}`;
        return line.trim() === '' ? [] : [{ value: parseObject(line, where), where }];
      });
    case 'lines':
      return lines(text).map((line, index) => ({ value: { text: line }, where: `${file}:${index + 1}` }));
    case 'wikitext-pages':
      return splitPages(text).map(({ page, line }) => ({ value: { page }, where: `${file}:${line}` }));
    default:
      throw new Error(`no such row format: ${String(format satisfies never)}`);
  }
}

/**
 * The text that `parseRows` reads back as `rows`.
 * @throws UserError 'data' when a row lacks the column that the format keeps.
 */
export function formatRows(format: RowFormat, rows: readonly Row[]): string {
  switch (format) {
    case 'jsonl':
      return rows.map(({ value }) => `${JSON.stringify(value)}\n`).join('');
    case 'lines':
      return rows.map((row) => `${stringColumn(row, 'text')}\n`).join('');
    case 'wikitext-pages':
      return joinPages(rows.map((row) => stringColumn(row, 'page')));
    default:
      throw new Error(`no such row format: ${String(format satisfies never)}`);
  }
}

function lines(text: string): string[] {
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
}

function parseObject(line: string, where: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new UserError('data', `${where} is not JSON: ${(cause as Error).message}`, { where, cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UserError('data', `${where} is not a JSON object`, { where });
  return value as Record<string, unknown>;
}

function stringColumn({ value, where }: Row, column: string): string {
  const text = value[column];
  if (typeof text !== 'string') throw new UserError('data', `${where} has no text in column ${column}`, { where });
  return text;
}
