// The figures of `ppl`: loss and peak memory against evaluation length, loss by position; one line a model and window, a figure a
// text.
import type { PplRecord } from '../perplexity/ppl-record.js';
import { positionRows, pplRows, type PplRow } from '../perplexity/ppl-rows.js';
import { COLUMN_WIDTH, type Figure } from './chart.js';
import { composeFigure } from './compose-figure.js';
import { displayNames } from './display-names.js';
import { legendOf, lineChart, valuesOf, type Axis, type Line } from './line-chart.js';
import { logAxis, powersOfTwo } from './log-axis.js';
import { lossAxes } from './loss-axes.js';
import type { StyleBook } from './palette.js';
import { pplIdentity } from './ppl-labels.js';
import { bandCaption, linesOfSeeds, type SeedCurve } from './seed-groups.js';
import { thousands } from './number-text.js';
import { byteUnit, figureText, lengthText, type ByteUnit } from './tick-text.js';

/** By file name: `ppl-by-length`, `ppl-by-position` and `ppl-memory`, with the text's name behind where there are several texts. */
export function pplFigures(runs: readonly PplRecord[], styles: StyleBook): Map<string, Figure> {
  const figures = new Map<string, Figure>();
  for (const [suffix, own] of runsByText(runs)) {
    const byLength = figureOf(own, lengthCurves(own), styles, LENGTH);
    const byPosition = figureOf(own, positionCurves(own), styles, POSITION);
    if (byLength !== null) figures.set(`ppl-by-length${suffix}`, byLength);
    if (byPosition !== null) figures.set(`ppl-by-position${suffix}`, byPosition);
    const unit = byteUnit(own.flatMap(pplRows).map(({ peak_bytes }) => peak_bytes ?? 0));
    const memory = figureOf(own, memoryCurves(own, unit), styles, memoryIn(unit.name));
    if (memory !== null) figures.set(`ppl-memory${suffix}`, memory);
  }
  return figures;
}

/** Runs that scored the same tokens, by what their files' names end in. */
export function runsByText(runs: readonly PplRecord[]): [suffix: string, runs: PplRecord[]][] {
  const digests = [...new Set(runs.map(({ text }) => text.digest))];
  return digests.map((digest) => {
    const own = runs.filter(({ text }) => text.digest === digest);
    const { name } = own[0]!.text;
    const namesakes = new Set(runs.filter(({ text }) => text.name === name).map(({ text }) => text.digest)).size;
    const mark = [name.replaceAll(/[^\w.-]+/g, '_'), ...(namesakes > 1 ? [digest.slice(0, 8)] : [])].join('-');
    return [digests.length === 1 ? '' : `-${mark}`, own];
  });
}

interface Shown {
  readonly title: string;
  readonly xTitle: string;
  readonly remark: string;
  /** Those of values, by what chart.js calls them. */
  readonly axesOf: (values: readonly number[]) => Readonly<Record<string, NonNullable<Axis>>>;
}

const LENGTH: Shown = {
  title: 'Loss against evaluation length',
  xTitle: 'Evaluation length (tokens)',
  remark: 'Every length scores the same tokens.',
  axesOf: lossAxes,
};
const POSITION: Shown = {
  title: 'Loss by position',
  xTitle: 'Position: tokens before the predicted one, at most',
  remark: 'Of the longest evaluation length; every position scores other tokens.',
  axesOf: lossAxes,
};
const memoryIn = (unit: string): Shown => ({
  title: 'Peak memory of evaluation against length',
  xTitle: 'Evaluation length (tokens)',
  remark: 'The same tokens at every length; weights, batch and what is carried along.',
  axesOf: (values) => ({ y: logAxis(`Peak memory of evaluation (${unit})`, values, powersOfTwo(values), figureText) }),
});

function figureOf(
  runs: readonly PplRecord[],
  curves: readonly SeedCurve[],
  styles: StyleBook,
  shown: Shown,
): Figure | null {
  const lines = linesOfSeeds(curves).filter(({ points }) => points.length > 0);
  if (!lines.some(({ points }) => points.length > 1)) return null;
  const { names, shared } = displayNames(lines.map(({ label }) => label));
  const drawn = lines.map(({ label, points }, k): Line => ({
    label: names[k]!,
    style: styles.of(label),
    dashed: false,
    points,
  }));
  const { xs, ys } = valuesOf(drawn);
  const { text } = runs[0]!;
  return composeFigure({
    title: shown.title,
    width: COLUMN_WIDTH,
    legend: legendOf(drawn),
    charts: [lineChart(drawn, { x: logAxis(shown.xTitle, xs, powersOfTwo(xs), lengthText), ...shown.axesOf(ys) })],
    chartHeight: 190,
    caption: [
      `${text.name}, ${thousands(text.tokens)} tokens. ${shown.remark}`,
      ...bandCaption(lines),
      ...outOfMemory(runs),
      ...(shared === null ? [] : [shared]),
    ],
  });
}

/** Nats per token. */
export function lengthCurves(runs: readonly PplRecord[]): SeedCurve[] {
  return curvesOf(runs, ({ nats_per_token }) => nats_per_token);
}

function memoryCurves(runs: readonly PplRecord[], { bytes }: ByteUnit): SeedCurve[] {
  return curvesOf(runs, ({ peak_bytes }) => (peak_bytes === null ? null : peak_bytes / bytes));
}

/** By evaluation length, of the cells that have the value. */
function curvesOf(runs: readonly PplRecord[], valueOf: (row: PplRow) => number | null): SeedCurve[] {
  return runs.flatMap((run) => {
    const rows = pplRows(run).filter(({ status }) => status === 'ok');
    return byWindow(rows).map(([mark, own]) => ({
      ...identity(run, runs, mark),
      points: own.flatMap((row) => {
        const value = valueOf(row);
        return value === null ? [] : [{ x: row.length, y: value }];
      }),
    }));
  });
}

/** Of each window at its longest length, where the most positions are. */
function positionCurves(runs: readonly PplRecord[]): SeedCurve[] {
  return runs.flatMap((run) =>
    byWindow(positionRows(run)).map(([mark, own]) => {
      const longest = Math.max(...own.map(({ length }) => length));
      const points = own.filter(({ length }) => length === longest);
      return {
        ...identity(run, runs, mark),
        points: points.map(({ position_to, nats_per_token }) => ({ x: position_to, y: nats_per_token })),
      };
    }),
  );
}

function identity(run: PplRecord, runs: readonly PplRecord[], mark: string) {
  const { label, weights } = pplIdentity(run, runs);
  return { label: [label, ...(mark === '' ? [] : [mark])].join(', '), weights };
}

/** Rows by their window, in their order; the mark is empty where there is only one. */
function byWindow<Row extends { window: number | 'full' | null }>(rows: readonly Row[]): [mark: string, rows: Row[]][] {
  const windows = [...new Set(rows.map(({ window }) => window))];
  return windows.map((window) => [
    windows.length === 1 ? '' : window === null ? 'no window' : window === 'full' ? 'full window' : `window ${window}`,
    rows.filter((row) => row.window === window),
  ]);
}

function outOfMemory(runs: readonly PplRecord[]): string[] {
  return runs.flatMap((run) => {
    const missing = run.results.filter(({ status }) => status === 'OOM').map(({ cell }) => lengthText(cell.length));
    return missing.length === 0 ? [] : [`${run.model.label} at ${[...new Set(missing)].join(', ')}: out of memory.`];
  });
}
