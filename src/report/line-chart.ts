// Lines with markers, one a model, and bands around those that several seeds make: what all figures against length are.
import type { ChartConfiguration, ChartDataset } from 'chart.js';
import { DASH, MARKER_RADIUS, type LegendItem } from './legend.js';
import { coincidences, markersSideBySide } from './coinciding-markers.js';
import { drawnMarker } from './markers.js';
import type { ModelStyle } from './palette.js';

export interface LinePoint {
  readonly x: number;
  readonly y: number;
  /** Lowest and highest of the seeds; absent where there is one. */
  readonly low?: number;
  readonly high?: number;
}

export interface Line {
  readonly label: string;
  readonly style: ModelStyle;
  readonly dashed: boolean;
  /** A curve of too many points for markers. */
  readonly unmarked?: true;
  readonly points: readonly LinePoint[];
}

type Dataset = ChartDataset<'line', { x: number; y: number }[]>;

/** Options of a scale of chart.js. */
export type Axis = NonNullable<NonNullable<ChartConfiguration<'line'>['options']>['scales']>[string];

/** @param axes beside x and y, further ones that only have ticks. */
export function lineChart(
  lines: readonly Line[],
  axes: Readonly<Record<string, NonNullable<Axis>>>,
): ChartConfiguration {
  const datasets = lines.flatMap(({ label, style, dashed, unmarked, points }): Dataset[] => [
    ...bandOf(style, points),
    {
      label,
      data: points.map(({ x, y }) => ({ x, y })),
      borderColor: style.color,
      backgroundColor: style.color,
      ...markerOf(style),
      pointRadius: unmarked === true ? 0 : MARKER_RADIUS,
      borderWidth: unmarked === true ? 0.9 : 1.2,
      borderDash: dashed ? DASH : [],
      clip: false,
    },
  ]);
  const config: ChartConfiguration<'line', { x: number; y: number }[]> = {
    type: 'line',
    data: { datasets },
    plugins: [markersSideBySide(coincidences(datasets, axes.y!))],
    options: {
      layout: { padding: { right: 8, top: 6 } },
      scales: { ...axes },
      plugins: { legend: { display: false }, tooltip: { enabled: false } },
    },
  };
  return config;
}

function markerOf({ marker, color }: ModelStyle) {
  const { pointStyle, rotation, fill } = drawnMarker(marker, color);
  return { pointStyle, pointRotation: rotation, pointBorderColor: color, pointBackgroundColor: fill };
}

/** A line at the lowest values, and one at the highest that fills down to it; both unseen. */
function bandOf(style: ModelStyle, points: readonly LinePoint[]): Dataset[] {
  const banded = points.filter(({ low, high }) => low !== undefined && high !== undefined);
  if (banded.length < 2) return [];
  const unseen = { borderWidth: 0, pointRadius: 0 };
  return [
    { ...unseen, data: banded.map(({ x, low }) => ({ x, y: low! })) },
    {
      ...unseen,
      data: banded.map(({ x, high }) => ({ x, y: high! })),
      fill: '-1',
      backgroundColor: `${style.color}33`,
    },
  ];
}

export function legendOf(lines: readonly Line[]): LegendItem[] {
  return lines.map(({ label, style, dashed }) => ({ label, style, key: dashed ? 'dashed' : 'line' }));
}

/** Values that an axis has to reach over, those of bands included. */
export function valuesOf(lines: readonly Line[]): { xs: number[]; ys: number[] } {
  const points = lines.flatMap(({ points }) => points);
  return {
    xs: points.map(({ x }) => x),
    ys: points.flatMap(({ y, low, high }) => [y, low ?? y, high ?? y]),
  };
}
