// The figures of benchmarks: throughput and memory against length, decoding latency against depth; one line a model, both axes
// logarithmic. A dashed line was computed by unfused kernels, and the caption says what that means.
import type { BenchRecord } from '../bench/bench-record.js';
import { benchRows, type BenchRow } from '../bench/bench-rows.js';
import { rowsOf, type Cell, type CellKind } from '../bench/cells.js';
import { benchGroups } from './bench-groups.js';
import { COLUMN_WIDTH, type Figure } from './chart.js';
import { composeFigure } from './compose-figure.js';
import { displayNames } from './display-names.js';
import { legendOf, lineChart, valuesOf, type Line } from './line-chart.js';
import { decimalTicks, logAxis, powersOfTwo } from './log-axis.js';
import type { StyleBook } from './palette.js';
import { byteUnit, figureText, lengthText } from './tick-text.js';

/** What a figure shows, and of which cells. */
export interface BenchPlot {
  readonly title: string;
  readonly kind: CellKind;
  readonly x: 'n_prompt' | 'n_depth';
  readonly y: 'p50_ts' | 'ms_per_step' | 'peak_bytes';
  readonly xTitle: string;
  readonly yTitle: string;
}

const LENGTH = { x: 'n_prompt', xTitle: 'Sequence length (tokens)' } as const;

/** By file name. */
export const BENCH_PLOTS = {
  throughput: {
    ...LENGTH,
    title: 'Prefill throughput against sequence length',
    kind: 'prefill',
    y: 'p50_ts',
    yTitle: 'Prefill throughput (tokens/s)',
  },
  memory: {
    ...LENGTH,
    title: 'Peak memory of prefill against sequence length',
    kind: 'prefill',
    y: 'peak_bytes',
    yTitle: 'Peak memory of prefill',
  },
  'decode-latency': {
    title: 'Decoding latency against depth',
    kind: 'decode',
    x: 'n_depth',
    xTitle: 'Depth: tokens before the decoded ones',
    y: 'ms_per_step',
    yTitle: 'Decoding latency (ms/token)',
  },
  'training-throughput': {
    ...LENGTH,
    title: 'Training throughput against sequence length',
    kind: 'train',
    y: 'p50_ts',
    yTitle: 'Training throughput (tokens/s)',
  },
  'training-memory': {
    ...LENGTH,
    title: 'Peak memory of training against sequence length',
    kind: 'train',
    y: 'peak_bytes',
    yTitle: 'Peak memory of training',
  },
} as const satisfies Record<string, BenchPlot>;

export const COMPOSITE_CAPTION = 'Dashed: unfused kernels, whose speed says nothing about the architecture.';

/** Rows of one model, window and batch, in the order of x. */
export interface BenchLine {
  readonly label: string;
  /** Whose look it has. */
  readonly look: string;
  /** Cells of the model that are no part of a line. */
  readonly lone: number;
  readonly rows: readonly BenchRow[];
}

/** By file name, those figures for which some line has two points. */
export function benchFigures(runs: readonly BenchRecord[], styles: StyleBook): Map<string, Figure> {
  const figures = new Map<string, Figure>();
  for (const [file, plot] of Object.entries(BENCH_PLOTS)) {
    const lines = benchLines(plot, runs);
    if (lines.some(({ rows }) => rows.filter(({ status }) => status === 'ok').length > 1))
      figures.set(file, figureOf(plot, lines, styles));
  }
  return figures;
}

/** Throughput and memory are shown without a context before the prompt, where there are such cells. */
export function benchLines({ kind, x, y }: BenchPlot, runs: readonly BenchRecord[]): BenchLine[] {
  return benchGroups(runs, kind).flatMap(({ label, look, runs: members }) => {
    const rows = members
      .flatMap((run) => benchRows(run).map((row, k) => ({ ...row, rows: rowsText(run, run.results[k]!.cell) })))
      .filter((row) => row.status !== 'ok' || row[y] !== null);
    const shallow = Math.min(...rows.map(({ n_depth }) => n_depth));
    const shown = x === 'n_depth' ? rows : rows.filter(({ n_depth }) => n_depth === shallow);
    const drawn = withoutLoneCells(shown, x);
    return [...separated(drawn, x)].map(([mark, own]) => ({
      lone: shown.length - drawn.length,
      label: [label, mark].filter(Boolean).join(', '),
      look: [look, mark].filter(Boolean).join(', '),
      rows: [...own].sort((a, b) => a[x] - b[x]),
    }));
  });
}

/** A cell, and what its batch was asked for as: as many rows as fill a number of tokens are other ones at every length. */
type PlottedRow = BenchRow & { readonly rows: string };

function rowsText({ settings }: BenchRecord, { batch, prompt }: Cell): string {
  const asked = settings.batches.find((rows) => rowsOf(rows, prompt) === batch) ?? batch;
  return typeof asked === 'number' ? `batch ${asked}` : `${lengthText(Number(asked.split(':')[1]))} tokens a batch`;
}

/** Beside a line, one cell of another batch or window at one length (that of a training, say) is no line. */
function withoutLoneCells(rows: readonly PlottedRow[], x: BenchPlot['x']): readonly PlottedRow[] {
  const groups = [...separated(rows, x).values()];
  const lines = groups.filter((own) => new Set(own.map((row) => row[x])).size > 1);
  return lines.length === 0 ? rows : lines.flat();
}

/** Rows by what tells their lines apart: window, batch, decoded tokens; each only where two rows of the same x differ in it. */
function separated(rows: readonly PlottedRow[], x: BenchPlot['x']): Map<string, PlottedRow[]> {
  const marks: ((row: PlottedRow) => string)[] = [
    ({ window }) => (window === null ? 'no window' : `window ${window}`),
    ({ rows }) => rows,
    ({ n_gen }) => `${n_gen} decoded`,
  ];
  const telling = marks.filter((mark) =>
    rows.some((row) => rows.some((other) => other[x] === row[x] && mark(other) !== mark(row))),
  );
  const groups = new Map<string, PlottedRow[]>();
  for (const row of rows) {
    const key = telling.map((mark) => mark(row)).join(', ');
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return groups;
}

function figureOf(plot: BenchPlot, lines: readonly BenchLine[], styles: StyleBook): Figure {
  const { names, shared } = displayNames(lines.map(({ label }) => label));
  const drawn = drawnLines(plot, lines, names, styles);
  return composeFigure({
    title: plot.title,
    width: COLUMN_WIDTH,
    legend: legendOf(drawn),
    charts: [benchChart(plot, drawn)],
    chartHeight: 190,
    caption: [...benchCaption(plot, lines, names), ...(shared === null ? [] : [shared])],
  });
}

/** Of the cells that have a figure; bytes and lengths as they are. */
export function drawnLines(
  { x, y }: BenchPlot,
  lines: readonly BenchLine[],
  names: readonly string[],
  styles: StyleBook,
): Line[] {
  return lines.map(({ look, rows }, k) => ({
    label: names[k]!,
    style: styles.of(look),
    dashed: isComposite(rows),
    points: rows.filter(({ status }) => status === 'ok').map((row) => ({ x: row[x], y: row[y]! })),
  }));
}

export function benchChart(plot: BenchPlot, lines: readonly Line[]) {
  const { xs: lengths, ys: values } = valuesOf(lines);
  const unit = plot.y === 'peak_bytes' ? byteUnit(values) : { bytes: 1, name: null };
  const zero = placeOfZero(lengths);
  const placed = lines.map((line) => ({
    ...line,
    points: line.points.map(({ x, y }) => ({ x: x === 0 ? zero : x, y: y / unit.bytes })),
  }));
  const { xs, ys } = valuesOf(placed);
  const x = logAxis(plot.xTitle, xs, powersOfTwo(xs), (length) => (length === zero ? '0' : lengthText(length)));
  const y =
    unit.name === null
      ? logAxis(plot.yTitle, ys, decimalTicks(ys), figureText)
      : logAxis(`${plot.yTitle} (${unit.name})`, ys, powersOfTwo(ys), figureText);
  return lineChart(placed, { x, y });
}

function isComposite(rows: readonly BenchRow[]): boolean {
  return rows.some(({ kernels }) => kernels === 'composite');
}

/** A logarithmic axis has no 0: no context stands one octave before the shortest one. */
function placeOfZero(xs: readonly number[]): number {
  const shortest = Math.min(...xs.filter((x) => x > 0));
  return 2 ** (Math.floor(Math.log2(shortest)) - 1);
}

export function benchCaption({ x }: BenchPlot, lines: readonly BenchLine[], names: readonly string[]): string[] {
  const missing = lines.flatMap(({ rows }, k) => {
    const lengths = rows.filter(({ status }) => status === 'OOM').map((row) => lengthText(row[x]));
    return lengths.length === 0 ? [] : [`${names[k]} at ${lengths.join(', ')}: out of memory.`];
  });
  return [
    ...(lines.some(({ rows }) => isComposite(rows)) ? [COMPOSITE_CAPTION] : []),
    ...missing,
    ...(lines.some(({ lone }) => lone > 0) ? ['Not drawn: cells of another batch or window at one length alone.'] : []),
  ];
}
