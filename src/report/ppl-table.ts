// The tables of `ppl`: one row a cell with every unit of perplexity side by side, or one row a bucket of positions; the seeds of a
// model share their rows.
import { positionRows, pplRows, type PositionRow, type PplRow } from '../perplexity/ppl-rows.js';
import type { PplRecord } from '../perplexity/ppl-record.js';
import { COMPOSITE_MEANING } from './bench-table.js';
import { LABEL_MEANINGS } from './label-meanings.js';
import { bytesText, fixed, percentage, thousands } from './number-text.js';
import { pplIdentity } from './ppl-labels.js';
import { runLabels } from './run-labels.js';
import { meanOf, numberColumn, seedLabels, seedRows, type SeededColumn } from './seed-rows.js';
import { MISSING, textCell, type Cell, type Table } from './table.js';

interface RowColumn<Row> extends SeededColumn<Row> {
  /** Shown only where rows differ in it. */
  readonly quiet?: true;
}

export function pplTable(runs: readonly PplRecord[]): Table {
  const rows = labelled(runs, pplRows);
  return tableOf(rows, CELL_COLUMNS, [
    ...textRemarks(runs),
    ...beyondRemark(rows),
    ...(rows.some(({ kernels }) => kernels === 'composite') ? [COMPOSITE_MEANING] : []),
    ...rows.flatMap((row) =>
      row.error === null ? [] : [`${row.model} at length ${row.length}: ${row.status}, ${row.error}`],
    ),
  ]);
}

export function positionTable(runs: readonly PplRecord[]): Table {
  return tableOf(labelled(runs, positionRows), POSITION_COLUMNS, [
    ...textRemarks(runs),
    'position: tokens of its segment that a target is predicted from.',
  ]);
}

/** The rows of all runs under names that tell the models of one text apart; seeds of a model share theirs. */
function labelled<Row extends { model: string }>(
  runs: readonly PplRecord[],
  rowsOf: (run: PplRecord) => readonly Row[],
): Row[] {
  return runs.flatMap((run) => {
    const alike = runs.filter(({ text }) => text.digest === run.text.digest);
    const told = runLabels(alike);
    const named = alike.map((other, k) => {
      const { label, weights } = pplIdentity(other, alike);
      return { name: label, weights, setting: '', told: told[k]! };
    });
    const model = seedLabels(named)[alike.indexOf(run)]!;
    return rowsOf(run).map((row) => ({ ...row, model }));
  });
}

const COMMON = [
  { key: 'model', title: 'model', align: 'left', text: (row: { model: string }) => row.model },
  { key: 'text', title: 'text', align: 'left', text: (row: { text: string }) => row.text, quiet: true },
  { key: 'dtype', title: 'dtype', align: 'left', text: (row: { dtype: string }) => row.dtype, quiet: true },
  {
    key: 'window',
    title: 'window',
    align: 'right',
    text: (row: { window: number | 'full' | null }) => String(row.window ?? MISSING),
  },
  { key: 'length', title: 'length', align: 'right', text: (row: { length: number }) => String(row.length) },
] as const;

const CELL_COLUMNS: readonly RowColumn<PplRow>[] = [
  ...COMMON,
  { key: 'mean_context', title: 'context', align: 'right', text: (row) => fixed(row.mean_context, 0) },
  { key: 'nats_per_token', title: 'nats/token', align: 'right', text: natsText, seeds: natsOfSeeds },
  { key: 'interval', title: 'CI', align: 'left', text: intervalText },
  numberColumn('token_perplexity', 'token ppl', places),
  numberColumn('word_perplexity', 'word ppl', places),
  numberColumn('byte_perplexity', 'byte ppl', places),
  numberColumn('bits_per_byte', 'bits/byte', 4),
  numberColumn('tokens_per_s', 'tokens/s', 0),
  { key: 'peak_bytes', title: 'peak', align: 'right', text: (row) => bytesText(row.peak_bytes), seeds: largestPeak },
  { key: 'state_bytes', title: 'state', align: 'right', text: (row) => bytesText(row.state_bytes) },
  { key: 'kernels', title: 'kernels', align: 'left', text: (row) => row.kernels ?? MISSING },
];

const POSITION_COLUMNS: readonly RowColumn<PositionRow>[] = [
  ...COMMON,
  { key: 'position', title: 'position', align: 'right', text: positionText },
  { key: 'targets', title: 'targets', align: 'right', text: (row) => String(row.targets) },
  numberColumn('nats_per_token', 'nats/token', 4),
  { key: 'interval', title: 'CI', align: 'left', text: intervalText },
  numberColumn('token_perplexity', 'token ppl', places),
];

function tableOf<Row extends PplRow | PositionRow>(
  rows: readonly Row[],
  columns: readonly RowColumn<Row>[],
  remarks: readonly string[],
): Table {
  const kept = columns.filter(({ quiet, text }) => quiet !== true || new Set(rows.map(text)).size > 1);
  return { columns: kept, sections: [seedRows(rows, kept, placeOf)], remarks };
}

/** What the seeds of a model have in common. */
function placeOf(row: PplRow | PositionRow): string {
  const { model, text_digest, dtype, window, length } = row;
  return JSON.stringify([model, text_digest, dtype, window, length, 'position_to' in row ? row.position_to : null]);
}

function natsOfSeeds(rows: readonly PplRow[]): Cell {
  const failed = rows.find(({ status }) => status !== 'ok');
  if (rows.every(({ status }) => status !== 'ok')) return textCell(failed!.status);
  return meanOf((row: PplRow) => row.nats_per_token, 4)(rows);
}

function largestPeak(rows: readonly PplRow[]): Cell {
  const peaks = rows.flatMap(({ peak_bytes }) => peak_bytes ?? []);
  return textCell(bytesText(peaks.length === 0 ? null : Math.max(...peaks)));
}

/** In place of a loss, why there is none. */
function natsText(row: PplRow): string {
  return row.status === 'ok' ? fixed(row.nats_per_token, 4) : row.status;
}

function intervalText({ nats_low, nats_high }: PplRow | PositionRow): string {
  return nats_low === null ? MISSING : `[${fixed(nats_low, 4)}, ${fixed(nats_high, 4)}]`;
}

function positionText({ position_from, position_to }: PositionRow): string {
  return position_from === position_to ? String(position_to) : `${position_from}–${position_to}`;
}

/** Four digits and more. */
function places(value: number): number {
  return Math.max(0, 3 - Math.floor(Math.log10(Math.max(value, 1))));
}

/** What every number is measured on, and how sure it is: once a text. */
function textRemarks(runs: readonly PplRecord[]): string[] {
  const remarks = runs.flatMap(({ text, settings, model }) => {
    const { name, documents, tokens, words, bytes, digest, unit, unitTokens, label } = text;
    const counts = `${thousands(documents)} document${documents === 1 ? '' : 's'}, ${thousands(tokens)} tokens (${model.tokenizer}), ${thousands(words)} words, ${thousands(bytes)} bytes`;
    const units = `${percentage(settings.confidence)} intervals over ${thousands(unitTokens.length)} ${unit === 'document' ? 'documents' : 'pieces'}`;
    return [
      `${name}: ${counts}, the same at every length; ${units}; SHA-256 ${digest.slice(0, 12)}`,
      ...(label === null ? [] : [`${name}: ${LABEL_MEANINGS[label]}`]),
    ];
  });
  return [...new Set(remarks)];
}

/** Lengths that the models' configurations do not speak of. */
function beyondRemark(rows: readonly PplRow[]): string[] {
  const beyond = rows.filter(({ length, max_length }) => length > max_length);
  const models = [...new Set(beyond.map(({ model, max_length }) => `${model} (${thousands(max_length)})`))];
  return models.length === 0 ? [] : [`longer than the model's max_length: ${models.join(', ')}`];
}
