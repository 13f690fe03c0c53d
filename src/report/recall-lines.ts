// Recall against distance: the accuracies of tasks that ask the same at several distances and are named so (`mini_needle_512`),
// one line a model.
import type { RunSummary } from '../evaluate/run-summary.js';
import { isAccuracy } from '../metrics/registry.js';
import { mean } from '../metrics/stderr.js';
import { COLUMN_WIDTH, type Figure } from './chart.js';
import { composeFigure } from './compose-figure.js';
import { displayNames, nameWithoutSeed } from './display-names.js';
import { legendOf, lineChart, type Line } from './line-chart.js';
import { logAxis, powersOfTwo } from './log-axis.js';
import { linearAxis } from './loss-axes.js';
import type { StyleBook } from './palette.js';
import { bandCaption, linesOfSeeds, type SeedLine } from './seed-groups.js';
import { lengthText } from './tick-text.js';

/** Tasks that differ in their distance alone. */
export interface RecallFamily {
  readonly name: string;
  /** Accuracies in percent against tokens. */
  readonly lines: readonly SeedLine[];
  /** What guessing scores at each distance, where it is known. */
  readonly chance: readonly { readonly x: number; readonly y: number }[];
}

/** Those with two distances and more. */
export function recallFamilies(runs: readonly RunSummary[]): RecallFamily[] {
  const scores = runs.flatMap((run) =>
    run.tasks.flatMap(({ task, metrics, chance }) => {
      const [, family, distance] = /^(.*)_(\d+)$/.exec(task) ?? [];
      const accuracy = metrics.find(({ name }) => isAccuracy(name));
      if (family === undefined || accuracy === undefined) return [];
      return [{ run, family, x: Number(distance), y: 100 * accuracy.value, chance }];
    }),
  );
  const families = [...new Set(scores.map(({ family }) => family))];
  return families.flatMap((name) => {
    const own = scores.filter(({ family }) => family === name);
    const distances = [...new Set(own.map(({ x }) => x))].sort((a, b) => a - b);
    if (distances.length < 2) return [];
    const curves = own.map(({ run: { model, seed }, x, y }) => ({
      label: nameWithoutSeed(model.label),
      weights: `${model.weightsDigest}/${seed}`,
      points: [{ x, y }],
    }));
    const chance = distances.flatMap((x) => {
      const known = own.flatMap((score) => (score.x === x && score.chance !== null ? [score.chance] : []));
      return known.length === 0 ? [] : [{ x, y: 100 * mean(known) }];
    });
    return [{ name, lines: linesOfSeeds(curves), chance }];
  });
}

/** Tasks that a figure of recall shows. */
export function recallTasks(runs: readonly RunSummary[]): Set<string> {
  return new Set(
    recallFamilies(runs).flatMap(({ name, lines }) =>
      lines.flatMap(({ points }) => points.map(({ x }) => `${name}_${x}`)),
    ),
  );
}

/** By file name, `recall-` and what the tasks are called. */
export function recallFigures(runs: readonly RunSummary[], styles: StyleBook): Map<string, Figure> {
  return new Map(recallFamilies(runs).map((family) => [`recall-${family.name}`, figureOf(family, styles)]));
}

function figureOf(family: RecallFamily, styles: StyleBook): Figure {
  const { names, shared } = displayNames(family.lines.map(({ label }) => label));
  const lines = family.lines.map(({ label, points }, k): Line => ({
    label: names[k]!,
    style: styles.of(label),
    dashed: false,
    points,
  }));
  return composeFigure({
    title: `Recall against distance, ${family.name}`,
    width: COLUMN_WIDTH,
    legend: legendOf(lines),
    charts: [recallChart(family, lines)],
    chartHeight: 190,
    caption: [
      `${family.name}.${family.chance.length > 0 ? ' Dotted: chance.' : ''}`,
      ...bandCaption(family.lines),
      ...(shared === null ? [] : [shared]),
    ],
  });
}

export function recallChart({ chance }: RecallFamily, lines: readonly Line[]) {
  const xs = lines.flatMap(({ points }) => points.map(({ x }) => x));
  const config = lineChart(lines, {
    x: logAxis('Distance (tokens)', xs, powersOfTwo(xs), lengthText),
    y: linearAxis('Accuracy (%)', [0, 100]),
  });
  config.data.datasets.push({
    ...{ label: 'chance', data: chance.map((point) => ({ ...point })), pointRadius: 0 },
    ...{ borderColor: '#777777', borderWidth: 1, borderDash: [1, 2] },
  });
  return config;
}
