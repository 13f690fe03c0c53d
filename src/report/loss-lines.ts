// The figure of training runs: loss against tokens, one line a model. Thin is the training loss, averaged over what is too dense to
// draw; dashed with marks the loss on held-out text at the longest context.
import type { ChartConfiguration } from 'chart.js';
import { COLUMN_WIDTH, type Figure } from './chart.js';
import { modelStyles } from './palette.js';
import type { TrainedRun } from './read-training.js';

/** More points than a column has room for. */
const MOST_POINTS = 120;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Null when no run has two points. */
export function lossLines(runs: readonly TrainedRun[]): Figure | null {
  const drawn = runs.filter(({ training }) => training.length > 1);
  if (drawn.length === 0) return null;
  const styles = modelStyles(drawn.map(({ name, baseline }) => ({ label: name, baseline })));
  const unit = unitOf(Math.max(...drawn.map(({ training }) => training.at(-1)!.tokens)));
  const scaled = (points: readonly Point[]) => points.map(({ x, y }) => ({ x: x / unit.tokens, y }));
  const validated = drawn.some(({ validation }) => validation.length > 0);
  const config: ChartConfiguration<'line', Point[]> = {
    type: 'line',
    data: {
      datasets: drawn.flatMap((run, k) => {
        const { color, marker } = styles[k]!;
        const common = { borderColor: color, backgroundColor: color, borderWidth: 1.1 };
        return [
          { ...common, label: run.name, data: scaled(averaged(trainingPoints(run))), pointRadius: 0 },
          {
            ...common,
            label: '',
            data: scaled(heldOutPoints(run)),
            borderDash: [4, 3],
            pointStyle: marker,
            pointRadius: 2,
          },
        ];
      }),
    },
    options: {
      layout: { padding: { right: 6, top: 2 } },
      scales: {
        x: linearAxis([
          `Tokens (${unit.name})`,
          ...(validated ? ['Dashed: held-out text, at the longest context.'] : []),
        ]),
        y: linearAxis('Loss (nats/token)'),
      },
      plugins: {
        legend: {
          position: 'top',
          labels: {
            ...{ usePointStyle: true, pointStyle: 'line', pointStyleWidth: 20, boxHeight: 7, padding: 6 },
            filter: ({ text }) => text !== '',
          },
        },
        tooltip: { enabled: false },
      },
    },
  };
  const legendWidth = drawn.reduce((width, { name }) => width + 32 + 4.6 * name.length, 0);
  return {
    width: COLUMN_WIDTH,
    height: 190 + 14 * Math.ceil(legendWidth / (COLUMN_WIDTH - 20)) + (validated ? 10 : 0),
    title: `Training loss against tokens of ${drawn.map(({ name }) => name).join(', ')}`,
    config: config,
  };
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

function linearAxis(title: string | string[]) {
  return {
    type: 'linear' as const,
    grid: { color: '#e3e3e3', lineWidth: 0.6, tickLength: 3 },
    border: { color: '#222222', width: 0.75 },
    ticks: { padding: 2, maxRotation: 0, maxTicksLimit: 8, font: { size: 7.5 } },
    title: { display: true, text: title, padding: 1, font: { size: 7.5 } },
  };
}
