// The figure of training runs: loss against tokens, one line a model. Without markers the training loss, averaged over what is too
// dense to draw; dashed with markers the loss on held-out text at the longest context.
import { COLUMN_WIDTH, type Figure } from './chart.js';
import { composeFigure } from './compose-figure.js';
import { legendOf, lineChart, valuesOf, type Line } from './line-chart.js';
import { linearAxis, lossAxes } from './loss-axes.js';
import type { StyleBook } from './palette.js';
import type { TrainedRun } from './read-training.js';

/** More points than a column has room for. */
const MOST_POINTS = 120;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Null when no run has two points. */
export function lossLines(runs: readonly TrainedRun[], styles: StyleBook): Figure | null {
  const drawn = runs.filter(({ training }) => training.length > 1);
  if (drawn.length === 0) return null;
  const unit = unitOf(Math.max(...drawn.map(({ training }) => training.at(-1)!.tokens)));
  const scaled = (points: readonly Point[]) => points.map(({ x, y }) => ({ x: x / unit.tokens, y }));
  const lineOf = ({ name }: TrainedRun, points: readonly Point[]) => ({
    ...{ label: name, style: styles.of(name), points: scaled(points) },
  });
  const trained = drawn.map((run): Line => ({
    ...lineOf(run, averaged(trainingPoints(run))),
    ...{ dashed: false, unmarked: true },
  }));
  const heldOut = drawn
    .filter(({ validation }) => validation.length > 0)
    .map((run): Line => ({ ...lineOf(run, heldOutPoints(run)), dashed: true }));
  const { xs, ys } = valuesOf([...trained, ...heldOut]);
  return composeFigure({
    title: 'Training loss against tokens',
    width: COLUMN_WIDTH,
    legend: legendOf(trained),
    charts: [
      lineChart([...trained, ...heldOut], { x: linearAxis(`Tokens (${unit.name})`, [0, ...xs]), ...lossAxes(ys) }),
    ],
    chartHeight: 190,
    caption: heldOut.length === 0 ? [] : ['Dashed, with markers: held-out text, at the longest context.'],
  });
}

function trainingPoints({ training }: TrainedRun): Point[] {
  return training.map(({ tokens, loss }) => ({ x: tokens, y: loss }));
}

/** At the longest length that was measured, by the tokens of the step. */
function heldOutPoints({ training, validation }: TrainedRun): Point[] {
  const longest = Math.max(...validation.map(({ length }) => length));
  const last = training.at(-1)!;
  return validation
    .filter(({ length }) => length === longest)
    .map(({ step, loss }) => ({ x: (step * last.tokens) / last.step, y: loss }));
}

/** Neighbours as their mean, so that few enough points are left. */
function averaged(points: readonly Point[]): Point[] {
  const each = Math.ceil(points.length / MOST_POINTS);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return Array.from({ length: Math.ceil(points.length / each) }, (_, k) => {
    const group = points.slice(k * each, (k + 1) * each);
    return { x: mean(group.map(({ x }) => x)), y: mean(group.map(({ y }) => y)) };
  });
}

function unitOf(tokens: number): { tokens: number; name: string } {
  if (tokens >= 1e9) return { tokens: 1e9, name: 'billions' };
  return tokens >= 1e6 ? { tokens: 1e6, name: 'millions' } : { tokens: 1e3, name: 'thousands' };
}
