// Perplexity runs in the layout of the SWAT paper's Table 2: a row a model and evaluation window, a column a text and evaluation
// length, nats per token in the cells, of several seeds their mean. Nothing is called best here: that takes a paired test.
import type { PplRecord } from '../perplexity/ppl-record.js';
import { pplRows } from '../perplexity/ppl-rows.js';
import { evalWindowCell, lossCell, lossColumn, placesOf, textRemarks, type SeedCell } from './loss-cells.js';
import { thousands } from './number-text.js';
import { pplIdentity } from './ppl-labels.js';
import { seedNotes } from './seed-cells.js';
import { MISSING, textCell, type Cell, type Column, type Row, type Table } from './table.js';

interface GridRow {
  readonly label: string;
  readonly run: PplRecord;
  readonly cells: readonly SeedCell[];
}

export function lengthGrid(runs: readonly PplRecord[]): Table {
  const rows = gridRows(runs);
  const places = placesOf(rows.flatMap(({ cells }) => cells));
  return {
    columns: [...MODEL_COLUMNS, ...places.map(lossColumn)],
    sections: [rows.map((row) => [...modelCells(row), ...places.map((place) => lossCell(row.cells, place))])],
    remarks: [
      "Nats per token; the window is in force at evaluation, the model's own beside it.",
      ...textRemarks(places),
    ],
  };
}

/** Runs of one model on several texts share their rows, and so do its seeds. */
function gridRows(runs: readonly PplRecord[]): GridRow[] {
  const rows = new Map<string, GridRow>();
  for (const run of runs) {
    const { label, weights } = pplIdentity(run, runs);
    for (const cell of pplRows(run)) {
      const key = `${label}/${cell.window}`;
      const row = rows.get(key) ?? { label, run, cells: [] };
      rows.set(key, { ...row, cells: [...row.cells, { weights, cell }] });
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

function modelCells({ label, run, cells }: GridRow): Row {
  const number = (value: number | null): Cell => ({ ...textCell(value === null ? MISSING : thousands(value)), value });
  const seeds = new Set(cells.map(({ weights }) => weights));
  return [
    {
      ...textCell(label),
      notes: seedNotes(
        seeds.size,
        cells.map(({ cell }) => cell.run_id),
      ),
    },
    number(run.model.window),
    number(run.model.maxLength),
    evalWindowCell(cells[0]!.cell.window),
  ];
}
