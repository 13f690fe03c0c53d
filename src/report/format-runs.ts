// Runs as text for stdout: what `run`, `bench`, `train`, `ppl` and `table` print.
import type { BenchRecord } from '../bench/bench-record.js';
import { benchRows } from '../bench/bench-rows.js';
import type { RunSummary } from '../evaluate/run-summary.js';
import type { Leaders } from '../metrics/best.js';
import type { PplRecord } from '../perplexity/ppl-record.js';
import { positionRows, pplRows, type PositionRow, type PplRow } from '../perplexity/ppl-rows.js';
import { ablationTable } from './ablation-table.js';
import { benchCsv } from './bench-csv.js';
import { benchTable } from './bench-table.js';
import { lengthGrid } from './length-grid.js';
import { longTable } from './long-table.js';
import { paperTable } from './paper-table.js';
import { pplCsv } from './ppl-csv.js';
import { positionTable, pplTable } from './ppl-table.js';
import type { PublishedRow } from './published.js';
import { renderCsv, renderJson, tableRecords } from './render-data.js';
import { renderLatex } from './render-latex.js';
import { renderMarkdown } from './render-markdown.js';
import { renderText } from './render-text.js';
import type { Found } from './read-run.js';
import type { TrainedRun } from './read-training.js';
import { trainingTable } from './training-table.js';
import { resultsCsv } from './results-csv.js';
import type { Table } from './table.js';
import { tidyRows } from './tidy-rows.js';

export type TableFormat = 'table' | 'md' | 'csv' | 'json' | 'latex';

/** One row a metric. CSV and JSON are the rows of results.csv; the other formats print four digits. */
export function formatLong(runs: readonly RunSummary[], format: TableFormat): string {
  switch (format) {
    case 'csv':
      return resultsCsv(runs.flatMap(tidyRows));
    case 'json':
      return renderJson(runs.flatMap(tidyRows));
    case 'table':
    case 'md':
    case 'latex':
      return renderPrinted(longTable(runs), format);
    default:
      return format satisfies never;
  }
}

/** One row a cell. CSV and JSON are the rows of bench.csv. */
export function formatBench(runs: readonly BenchRecord[], format: TableFormat): string {
  switch (format) {
    case 'csv':
      return benchCsv(runs.flatMap(benchRows));
    case 'json':
      return renderJson(runs.flatMap(benchRows));
    case 'table':
    case 'md':
    case 'latex':
      return renderPrinted(benchTable(runs), format);
    default:
      return format satisfies never;
  }
}

/** One row a cell, or one a bucket of positions. CSV and JSON are the rows of ppl.csv and ppl-by-position.csv. */
export function formatPpl(runs: readonly PplRecord[], format: TableFormat, byPosition = false): string {
  const rows = () => runs.flatMap((run): (PplRow | PositionRow)[] => (byPosition ? positionRows(run) : pplRows(run)));
  switch (format) {
    case 'csv':
      return pplCsv(rows());
    case 'json':
      return renderJson(rows());
    case 'table':
    case 'md':
    case 'latex':
      return renderPrinted(byPosition ? positionTable(runs) : pplTable(runs), format);
    default:
      return format satisfies never;
  }
}

/** One row a model in the columns of the paper, published rows below; `leaders` as in `paperTable`. */
export function formatPaper(
  runs: readonly RunSummary[],
  published: readonly PublishedRow[],
  format: TableFormat,
  leaders: readonly Leaders[] | null = null,
): string {
  return formatTable(paperTable(runs, published, leaders), format);
}

/** One row a model and window, one column a text and length. */
export function formatLengths(runs: readonly PplRecord[], format: TableFormat): string {
  return formatTable(lengthGrid(runs), format);
}

/** One row a model of attention and window, by its activation and positions. */
export function formatAblation({ trainings, ppls }: Pick<Found, 'trainings' | 'ppls'>, format: TableFormat): string {
  return formatTable(ablationTable(trainings, ppls), format);
}

/** One row a training run. */
export function formatTraining(runs: readonly TrainedRun[], format: TableFormat): string {
  return formatTable(trainingTable(runs), format);
}

/** A table whose CSV and JSON are its cells' values. */
export function formatTable(table: Table, format: TableFormat): string {
  switch (format) {
    case 'csv':
      return renderCsv(table);
    case 'json':
      return renderJson(tableRecords(table));
    case 'table':
    case 'md':
    case 'latex':
      return renderPrinted(table, format);
    default:
      return format satisfies never;
  }
}

function renderPrinted(table: Table, format: 'table' | 'md' | 'latex'): string {
  switch (format) {
    case 'table':
      return renderText(table);
    case 'md':
      return renderMarkdown(table);
    case 'latex':
      return renderLatex(table);
    default:
      return format satisfies never;
  }
}
