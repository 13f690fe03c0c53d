// The figures of benchmarks: throughput and memory against length, decoding latency against depth; one line a model, both axes
// logarithmic. A dashed line was computed by unfused kernels, and the caption says what that means.
import { Chart, type ChartConfiguration } from 'chart.js';
import type { BenchRecord } from '../bench/bench-record.js';
import { benchRows, type BenchRow } from '../bench/bench-rows.js';
import type { CellKind } from '../bench/cells.js';
import { runLabels } from './run-labels.js';
import { COLUMN_WIDTH, type Figure } from './chart.js';
import { decimalTicks, logAxis, powersOfTwo } from './log-axis.js';
import { modelStyles } from './palette.js';

/** What a figure shows, and of which cells. */
interface Plot {
  readonly file: string;
  readonly title: string;
  readonly kind: CellKind;
  readonly x: 'n_prompt' | 'n_depth';
  readonly y: 'p50_ts' | 'ms_per_step' | 'peak_bytes';
  readonly xTitle: string;
  readonly yTitle: string;
}

const LENGTH = { x: 'n_prompt', xTitle: 'Sequence length (tokens)' } as const;

const PLOTS: readonly Plot[] = [
  {
    ...LENGTH,
    file: 'throughput',
    title: 'Prefill throughput against sequence length',
    kind: 'prefill',
    y: 'p50_ts',
    yTitle: 'Prefill throughput (tokens/s)',
  },
  {
    ...LENGTH,
    file: 'memory',
    title: 'Peak memory of prefill against sequence length',
    kind: 'prefill',
    y: 'peak_bytes',
    yTitle: 'Peak memory of prefill',
  },
  {
    file: 'decode-latency',
    title: 'Decoding latency against depth',
    kind: 'decode',
    x: 'n_depth',
    xTitle: 'Depth: tokens before the decoded ones',
    y: 'ms_per_step',
    yTitle: 'Decoding latency (ms/token)',
  },
  {
    ...LENGTH,
    file: 'training-throughput',
    title: 'Training throughput against sequence length',
    kind: 'train',
    y: 'p50_ts',
    yTitle: 'Training throughput (tokens/s)',
  },
  {
    ...LENGTH,
    file: 'training-memory',
    title: 'Peak memory of training against sequence length',
    kind: 'train',
    y: 'peak_bytes',
    yTitle: 'Peak memory of training',
  },
];

/** Rows of one model, window and batch, in the order of x. */
interface Line {
  readonly label: string;
  readonly baseline: string;
  readonly rows: readonly BenchRow[];
}

/** By file name, those figures for which some line has two points. */
export function benchFigures(runs: readonly BenchRecord[]): Map<string, Figure> {
  const figures = new Map<string, Figure>();
  for (const plot of PLOTS) {
    const lines = linesOf(plot, runs);
    if (lines.some(({ rows }) => rows.filter(({ status }) => status === 'ok').length > 1))
      figures.set(plot.file, figureOf(plot, lines));
  }
  return figures;
}

/** Throughput and memory are shown without a context before the prompt, where there are such cells. */
function linesOf({ kind, x, y }: Plot, runs: readonly BenchRecord[]): Line[] {
  const labels = runLabels(runs);
  return runs.flatMap((run, k) => {
    const rows = benchRows(run).filter((row) => row.kind === kind && (row.status !== 'ok' || row[y] !== null));
    const shallow = Math.min(...rows.map(({ n_depth }) => n_depth));
    const shown = x === 'n_depth' ? rows : rows.filter(({ n_depth }) => n_depth === shallow);
    const groups = separated(shown, x);
    return [...groups].map(([mark, own]) => ({
      label: [labels[k]!, mark].filter(Boolean).join(', '),
      baseline: run.model.baseline,
      rows: [...own].sort((a, b) => a[x] - b[x]),
    }));
  });
}

/**
 * Rows by what tells their lines apart: window, batch, decoded tokens; each only where two rows of the same x differ in it.
 * (A batch of as many rows as fill a number of tokens is another one at every length, and still one line.)
 */
function separated(rows: readonly BenchRow[], x: Plot['x']): Map<string, BenchRow[]> {
  const marks: ((row: BenchRow) => string)[] = [
    ({ window }) => (window === null ? 'no window' : `window ${window}`),
    ({ batch }) => `batch ${batch}`,
    ({ n_gen }) => `${n_gen} decoded`,
  ];
  const telling = marks.filter((mark) =>
    rows.some((row) => rows.some((other) => other[x] === row[x] && mark(other) !== mark(row))),
  );
  const groups = new Map<string, BenchRow[]>();
  for (const row of rows) {
    const key = telling.map((mark) => mark(row)).join(', ');
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return groups;
}

function figureOf(plot: Plot, lines: readonly Line[]): Figure {
  const styles = modelStyles(lines);
  const measured = lines.map(({ rows }) => rows.filter(({ status }) => status === 'ok'));
  const unit = plot.y === 'peak_bytes' ? byteUnit(measured.flat().map((row) => row.peak_bytes!)) : null;
  const zero = placeOfZero(measured.flat().map((row) => row[plot.x]));
  const points = measured.map((rows) =>
    rows.map((row) => ({ x: row[plot.x] === 0 ? zero : row[plot.x], y: row[plot.y]! / (unit?.bytes ?? 1) })),
  );
  const [xs, ys] = [points.flat().map(({ x }) => x), points.flat().map(({ y }) => y)];
  const legend = lines.map(({ label, rows }) => shortened(isComposite(rows) ? `${label} (composite)` : label));
  const caption = captionOf(plot, lines);
  const config: ChartConfiguration<'line', { x: number; y: number }[]> = {
    type: 'line',
    data: {
      datasets: points.map((data, k) => ({
        label: legend[k]!,
        data,
        borderColor: styles[k]!.color,
        backgroundColor: styles[k]!.color,
        pointStyle: styles[k]!.marker,
        pointRadius: 2.5,
        borderWidth: 1.2,
        borderDash: dashOf(lines[k]!),
      })),
    },
    options: {
      layout: { padding: { right: 6, top: 2 } },
      scales: {
        x: logAxis([plot.xTitle, ...caption], xs, powersOfTwo(xs), (length) =>
          length === zero ? '0' : lengthText(length),
        ),
        y: logAxis(
          unit === null ? plot.yTitle : `${plot.yTitle} (${unit.name})`,
          ys,
          unit === null ? decimalTicks(ys) : powersOfTwo(ys),
          figureText,
        ),
      },
      plugins: {
        legend: {
          position: 'top',
          labels: {
            ...{ usePointStyle: true, pointStyle: 'line', pointStyleWidth: 20, boxHeight: 7, padding: 6 },
            // chart.js would take the style of the points, which have no dashes.
            generateLabels: (chart) =>
              Chart.defaults.plugins.legend.labels
                .generateLabels(chart)
                .map((item, k) => ({ ...item, lineDash: dashOf(lines[k]!) })),
          },
        },
        tooltip: { enabled: false },
      },
    },
  };
  return {
    width: COLUMN_WIDTH,
    height: figureHeight(legend, caption),
    title: `${plot.title} of ${lines.map(({ label }) => label).join(', ')}. ${caption.join(' ')}`,
    config,
  };
}

function dashOf({ rows }: Line): number[] {
  return isComposite(rows) ? [4, 3] : [];
}

function isComposite(rows: readonly BenchRow[]): boolean {
  return rows.some(({ kernels }) => kernels === 'composite');
}

/** A logarithmic axis has no 0: no context stands one octave before the shortest one. */
function placeOfZero(xs: readonly number[]): number {
  const shortest = Math.min(...xs.filter((x) => x > 0));
  return 2 ** (Math.floor(Math.log2(shortest)) - 1);
}

function byteUnit(bytes: readonly number[]): { bytes: number; name: string } {
  return Math.max(...bytes) >= 2 ** 30 ? { bytes: 2 ** 30, name: 'GiB' } : { bytes: 2 ** 20, name: 'MiB' };
}

/** 512, 1k, 16k: powers of two, as they are typed. */
function lengthText(length: number): string {
  return length >= 1024 ? `${length / 1024}k` : String(length);
}

/** 0.05, 20, 5,000, 2M. */
function figureText(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  return value >= 1 ? value.toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}

function captionOf(plot: Plot, lines: readonly Line[]): string[] {
  const missing = lines.flatMap(({ label, rows }) => {
    const lengths = rows.filter(({ status }) => status === 'OOM').map((row) => lengthText(row[plot.x]));
    return lengths.length === 0 ? [] : [shortened(`${label} at ${lengths.join(', ')}: out of memory`)];
  });
  return [
    ...(lines.some(({ rows }) => isComposite(rows))
      ? ['Dashed: unfused kernels, whose speed says nothing about the architecture.']
      : []),
    ...missing,
  ];
}

/** A text that fits into one line. */
function shortened(text: string): string {
  return text.length <= 62 ? text : `${text.slice(0, 31)}…${text.slice(-30)}`;
}

/** Room for the plot, and for the lines of the legend and of the caption. */
function figureHeight(legend: readonly string[], caption: readonly string[]): number {
  const legendWidth = legend.reduce((width, label) => width + 32 + 4.6 * label.length, 0);
  return 190 + 14 * Math.ceil(legendWidth / (COLUMN_WIDTH - 20)) + 10 * caption.length;
}
