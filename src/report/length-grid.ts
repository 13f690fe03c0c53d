// Perplexity runs in the layout of the SWAT paper's Table 2: a row a model and evaluation window, a column a text and evaluation
// length, nats per token in the cells. Nothing is called best here: that takes a paired test.
import type { PplRecord } from '../perplexity/ppl-record.js';
import { pplRows, type PplRow } from '../perplexity/ppl-rows.js';
import { fixed, thousands } from './number-text.js';
import { runLabels } from './run-labels.js';
import { MISSING, textCell, type Cell, type Column, type Row, type Table } from './table.js';

interface GridRow {
  readonly label: string;
  readonly run: PplRecord;
  readonly window: PplRow['window'];
  readonly cells: readonly PplRow[];
}

export function lengthGrid(runs: readonly PplRecord[]): Table {
  const rows = gridRows(runs);
  const all = rows.flatMap(({ cells }) => cells);
  const places = [...new Map(all.map((cell) => [placeOf(cell), cell])).values()];
  const texts = [...new Map(all.map((cell) => [cell.text_digest, cell])).values()];
  const order = (cell: PplRow) => texts.findIndex(({ text_digest }) => text_digest === cell.text_digest);
  places.sort((a, b) => order(a) - order(b) || a.length - b.length);
  return {
    columns: [...MODEL_COLUMNS, ...places.map(lossColumn)],
    sections: [rows.map((row) => [...modelCells(row), ...places.map((place) => lossCell(row, place))])],
    remarks: [
      "Nats per token; the window is in force at evaluation, the model's own beside it.",
      ...texts.map(
        ({ text, tokens, text_digest }) =>
          `${text}: ${thousands(tokens)} tokens, the same at every length; SHA-256 ${text_digest.slice(0, 12)}`,
      ),
    ],
  };
}

/** Runs of one model on several texts share their rows. */
function gridRows(runs: readonly PplRecord[]): GridRow[] {
  const rows = new Map<string, GridRow>();
  for (const run of runs) {
    const alike = runs.filter(({ text }) => text.digest === run.text.digest);
    const label = runLabels(alike)[alike.indexOf(run)]!;
    for (const cell of pplRows(run)) {
      const key = `${label}/${cell.window}`;
      const row = rows.get(key) ?? { label, run, window: cell.window, cells: [] };
      rows.set(key, { ...row, cells: [...row.cells, cell] });
    }
  }
  return [...rows.values()];
}

const MODEL_COLUMNS: readonly Column[] = [
  { key: 'model', title: 'Model', align: 'left' },
  { key: 'model_window', title: 'Own window', align: 'right' },
  { key: 'max_length', title: 'Max length', align: 'right' },
  { key: 'window', title: 'Eval window', align: 'right' },
];

function modelCells({ label, run, window }: GridRow): Row {
  const number = (value: number | null): Cell => ({ ...textCell(value === null ? MISSING : thousands(value)), value });
  const evaluated = typeof window === 'number' ? number(window) : textCell(window ?? MISSING);
  return [textCell(label), number(run.model.window), number(run.model.maxLength), evaluated];
}

function placeOf({ text_digest, length }: PplRow): string {
  return `${text_digest}/${length}`;
}

function lossColumn({ text, length }: PplRow): Column {
  return { key: `${text}/${length}`, title: `${text} ${thousands(length)}`, align: 'right' };
}

function lossCell({ cells }: GridRow, place: PplRow): Cell {
  const cell = cells.find((cell) => placeOf(cell) === placeOf(place));
  if (cell === undefined) return textCell(MISSING);
  if (cell.status !== 'ok') return textCell(cell.status);
  return { ...textCell(fixed(cell.nats_per_token, 4)), value: cell.nats_per_token };
}
