// The figure of training runs: loss against tokens, one line a model. Thin is the training loss, averaged over what is too dense to
// draw; dashed with marks the loss on held-out text at the longest context.
import type { ChartConfiguration } from 'chart.js';
import { COLUMN_WIDTH, type Figure } from './chart.js';
import { composeFigure } from './compose-figure.js';
import { displayNames } from './display-names.js';
import { DASH, MARKER_RADIUS } from './legend.js';
import { linearAxis } from './loss-axes.js';
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
  const { names, shared } = displayNames(drawn.map(({ name }) => name));
  const own = drawn.map(({ name }) => styles.of(name));
  const unit = unitOf(Math.max(...drawn.map(({ training }) => training.at(-1)!.tokens)));
  const scaled = (points: readonly Point[]) => points.map(({ x, y }) => ({ x: x / unit.tokens, y }));
  const curves = drawn.map((run) => ({
    training: scaled(averaged(trainingPoints(run))),
    heldOut: scaled(heldOutPoints(run)),
  }));
  const points = curves.flatMap(({ training, heldOut }) => [...training, ...heldOut]);
  const validated = curves.some(({ heldOut }) => heldOut.length > 0);
  const config: ChartConfiguration<'line', Point[]> = {
    type: 'line',
    data: {
      datasets: curves.flatMap(({ training, heldOut }, k) => {
        const { color, marker } = own[k]!;
        const common = { borderColor: color, backgroundColor: color, borderWidth: 1.1 };
        return [
          { ...common, label: names[k]!, data: training, pointRadius: 0 },
          { ...common, label: '', data: heldOut, borderDash: DASH, pointStyle: marker, pointRadius: MARKER_RADIUS },
        ];
      }),
    },
    options: {
      layout: { padding: { right: 8, top: 6 } },
      scales: {
        x: linearAxis(`Tokens (${unit.name})`, [0, ...points.map(({ x }) => x)]),
        y: linearAxis(
          'Loss (nats/token)',
          points.map(({ y }) => y),
        ),
      },
      plugins: { legend: { display: false }, tooltip: { enabled: false } },
    },
  };
  return composeFigure({
    title: 'Training loss against tokens',
    width: COLUMN_WIDTH,
    legend: names.map((label, k) => ({ label, style: own[k]!, key: 'line' })),
    charts: [config],
    chartHeight: 190,
    caption: [
      ...(validated ? ['Dashed, with marks: held-out text, at the longest context.'] : []),
      ...(shared === null ? [] : [shared]),
    ],
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
