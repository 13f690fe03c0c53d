// The figure of training runs: loss against tokens, one line a model, seeds as a band. Without markers the training loss, averaged over what is too
// dense to draw; dashed with markers the loss on held-out text at the longest context.
import { COLUMN_WIDTH, type Figure } from './chart.js';
import { composeFigure } from './compose-figure.js';
import { legendOf, lineChart, valuesOf, type Line } from './line-chart.js';
import { linearAxis, lossAxes } from './loss-axes.js';
import { thousands } from './number-text.js';
import type { StyleBook } from './palette.js';
import { failureOf, failureRemarks, type TrainedRun } from './read-training.js';
import { bandCaption, linesOfSeeds, type SeedLine } from './seed-groups.js';
import { runsOfFullBudget, trainingLabel } from './training-labels.js';

/** More points than a column has room for. */
const MOST_POINTS = 120;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Null when no run has two points. A run that failed has no line, since it is no part of a mean over seeds: the caption says why. */
export function lossLines(runs: readonly TrainedRun[], styles: StyleBook): Figure | null {
  const told = runsOfFullBudget(runs);
  const drawn = told.filter((run) => run.training.length > 1 && failureOf(run) === null);
  if (drawn.length === 0) return null;
  const unit = unitOf(Math.max(...drawn.map(({ training }) => training.at(-1)!.tokens)));
  const linesOf = (chosen: readonly TrainedRun[], pointsOf: (run: TrainedRun) => Point[]) => {
    const curves = chosen.map((run) => ({
      label: trainingLabel(run, drawn),
      weights: run.record.runId,
      points: pointsOf(run).map(({ x, y }) => ({ x: x / unit.tokens, y })),
    }));
    return linesOfSeeds(curves).map((line) => {
      const { name } = chosen[curves.findIndex(({ label }) => label === line.label)]!;
      return { ...line, style: styles.of(name) };
    });
  };
  const trained = linesOf(drawn, (run) => averaged(trainingPoints(run))).map((line): Line & SeedLine => ({
    ...{ ...line, dashed: false, unmarked: true },
  }));
  const validated = drawn.filter(({ validation }) => validation.length > 0);
  const heldOut = linesOf(validated, heldOutPoints).map((line): Line => ({ ...line, dashed: true }));
  const { xs, ys } = valuesOf([...trained, ...heldOut]);
  return composeFigure({
    title: 'Training loss against tokens',
    width: COLUMN_WIDTH,
    legend: legendOf(trained),
    charts: [
      lineChart([...trained, ...heldOut], { x: linearAxis(`Tokens (${unit.name})`, [0, ...xs]), ...lossAxes(ys) }),
    ],
    chartHeight: 190,
    caption: [
      ...(heldOut.length === 0 ? [] : ['Dashed, with markers: held-out text, at the longest context.']),
      ...bandCaption(trained),
      ...shorterCaption(runs.length - told.length),
      ...failureRemarks(told),
    ],
  });
}

function shorterCaption(shorter: number): string[] {
  if (shorter === 0) return [];
  return [shorter === 1 ? '1 shorter run is not drawn.' : `${thousands(shorter)} shorter runs are not drawn.`];
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
