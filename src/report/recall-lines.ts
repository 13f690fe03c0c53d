// Recall against distance: the accuracies of probes that tell pairs and ask for one of them, a figure a probe, one line a model.
import type { RunSummary } from '../evaluate/run-summary.js';
import { isAccuracy } from '../metrics/registry.js';
import { normalQuantile } from '../metrics/intervals.js';
import { mean } from '../metrics/stderr.js';
import type { RecallSetting } from '../tasks/task.js';
import { COLUMN_WIDTH, PAGE_WIDTH, type Figure } from './chart.js';
import { composeFigure } from './compose-figure.js';
import { displayNames, nameWithoutSeed } from './display-names.js';
import { legendOf, lineChart, type Line } from './line-chart.js';
import { logAxis, powersOfTwo } from './log-axis.js';
import { linearAxis } from './loss-axes.js';
import type { StyleBook } from './palette.js';
import { bandCaption, linesOfSeeds, type SeedLine } from './seed-groups.js';
import { lengthText } from './tick-text.js';

/** Probes that differ in their distance alone. */
export interface RecallFamily {
  readonly probe: RecallSetting['probe'];
  readonly pairs: number;
  /** Accuracies in percent against words and marks. */
  readonly lines: readonly SeedLine[];
  /** What guessing scores at each distance, where it is known. */
  readonly chance: readonly { readonly x: number; readonly y: number }[];
  /**
   * By how many standard errors of guessing the best score lies above chance, less what the best of as many guessers would reach in
   * 1 of 20 cases (Bonferroni): positive where some model does not guess. -Infinity where no chance is known.
   */
  readonly lead: number;
}

const LEVEL = 0.05;

/** Those with two distances and more. */
export function recallFamilies(runs: readonly RunSummary[]): RecallFamily[] {
  const scores = runs.flatMap((run) =>
    run.tasks.flatMap(({ recall, metrics, chance, documents }) => {
      const accuracy = metrics.find(({ name }) => isAccuracy(name));
      if (recall === undefined || accuracy === undefined) return [];
      return [{ run, ...recall, y: 100 * accuracy.value, chance, documents }];
    }),
  );
  const key = ({ probe, pairs }: Pick<RecallSetting, 'probe' | 'pairs'>) => `${probe}/${pairs}`;
  const families = [...new Map(scores.map((score) => [key(score), score])).values()];
  return families.flatMap(({ probe, pairs }) => {
    const own = scores.filter((score) => key(score) === key({ probe, pairs }));
    const distances = [...new Set(own.map(({ distance }) => distance))].sort((a, b) => a - b);
    if (distances.length < 2) return [];
    const curves = own.map(({ run: { model, seed }, distance, y }) => ({
      label: nameWithoutSeed(model.label),
      weights: `${model.weightsDigest}/${seed}`,
      points: [{ x: distance, y }],
    }));
    const chance = distances.flatMap((x) => {
      const known = own.flatMap((score) => (score.distance === x && score.chance !== null ? [score.chance] : []));
      return known.length === 0 ? [] : [{ x, y: 100 * mean(known) }];
    });
    return [{ probe, pairs, lines: linesOfSeeds(curves), chance, lead: leadOf(own) }];
  });
}

function leadOf(scores: readonly { y: number; chance: number | null; documents: number }[]): number {
  const known = scores.flatMap(({ y, chance, documents }) =>
    chance === null || chance <= 0 || chance >= 1
      ? []
      : [(y / 100 - chance) / Math.sqrt((chance * (1 - chance)) / documents)],
  );
  if (known.length === 0) return -Infinity;
  return Math.max(...known) - normalQuantile(1 - (2 * LEVEL) / known.length);
}

/** By file name, `recall-` and the probe; numbers of pairs stand side by side. */
export function recallFigures(runs: readonly RunSummary[], styles: StyleBook): Map<string, Figure> {
  const families = recallFamilies(runs);
  const probes = [...new Set(families.map(({ probe }) => probe))];
  return new Map(
    probes.map((probe) => [
      `recall-${probe}`,
      figureOf(
        families.filter((family) => family.probe === probe),
        styles,
      ),
    ]),
  );
}

function figureOf(families: readonly RecallFamily[], styles: StyleBook): Figure {
  const labels = [...new Set(families.flatMap(({ lines }) => lines.map(({ label }) => label)))];
  const { names, shared } = displayNames(labels);
  const drawn = families.map(({ lines }) =>
    lines.map(({ label, points }): Line => ({
      label: names[labels.indexOf(label)]!,
      style: styles.of(label),
      dashed: false,
      points,
    })),
  );
  const legend = labels.flatMap((_, k) => drawn.flat().find(({ label }) => label === names[k]) ?? []);
  const [{ probe }] = families as [RecallFamily];
  const known = families.some(({ chance }) => chance.length > 0);
  return composeFigure({
    title: `Recall against distance, ${probe}`,
    width: families.length > 1 ? PAGE_WIDTH : COLUMN_WIDTH,
    legend: legendOf(legend),
    charts: families.map((family, k) => recallChart(family, drawn[k]!)),
    chartHeight: 190,
    caption: [
      `Probe: ${probe}.${known ? ' Dotted: chance.' : ''}`,
      ...bandCaption(families.flatMap(({ lines }) => lines)),
      ...(shared === null ? [] : [shared]),
    ],
  });
}

export function recallChart({ pairs, chance }: RecallFamily, lines: readonly Line[]) {
  const xs = lines.flatMap(({ points }) => points.map(({ x }) => x));
  const config = lineChart(lines, {
    x: logAxis(`Distance (words), ${pairs} pairs`, xs, powersOfTwo(xs), lengthText),
    y: linearAxis('Accuracy (%)', [0, 100]),
  });
  config.data.datasets.push({
    ...{ label: 'chance', data: chance.map((point) => ({ ...point })), pointRadius: 0 },
    ...{ borderColor: '#777777', borderWidth: 1, borderDash: [1, 2] },
  });
  return config;
}
