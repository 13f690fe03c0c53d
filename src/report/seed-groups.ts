// Runs of one model that differ in their seed are one line: the mean of the seeds, in a band from the lowest to the highest.
import { mean } from '../metrics/stderr.js';
import type { LinePoint } from './line-chart.js';

/** The curve of one run. */
export interface SeedCurve {
  /** Name of the line, without the seed. */
  readonly label: string;
  /** What tells the weights of seeds apart. */
  readonly weights: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface SeedLine {
  readonly label: string;
  readonly seeds: number;
  readonly points: readonly LinePoint[];
}

/** In the order in which labels come first. Of two curves of the same weights, the points of the later one count. */
export function linesOfSeeds(curves: readonly SeedCurve[]): SeedLine[] {
  const labels = [...new Set(curves.map(({ label }) => label))];
  return labels.map((label) => {
    const own = curves.filter((curve) => curve.label === label);
    const seeds = [...new Set(own.map(({ weights }) => weights))].map(
      (weights) =>
        new Map(
          own.filter((curve) => curve.weights === weights).flatMap(({ points }) => points.map(({ x, y }) => [x, y])),
        ),
    );
    const xs = [...new Set(seeds.flatMap((seed) => [...seed.keys()]))].sort((a, b) => a - b);
    return { label, seeds: seeds.length, points: xs.map((x) => pointOf(x, seeds)) };
  });
}

function pointOf(x: number, seeds: readonly ReadonlyMap<number, number>[]): LinePoint {
  const values = seeds.flatMap((seed) => seed.get(x) ?? []);
  const y = mean(values);
  return values.length === 1 ? { x, y } : { x, y, low: Math.min(...values), high: Math.max(...values) };
}

/** For a caption: what the bands are; nothing where no line has one. */
export function bandCaption(lines: readonly SeedLine[]): string[] {
  const seeds = [...new Set(lines.filter((line) => line.seeds > 1).map((line) => line.seeds))].sort((a, b) => a - b);
  return seeds.length === 0 ? [] : [`Bands: lowest to highest of ${seeds.join(' or ')} seeds; lines: their means.`];
}
