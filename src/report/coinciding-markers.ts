// Markers of lines that coincide stand side by side, so that none of them hides another; the lines stay where they are.
import type { Chart, ChartConfiguration, Plugin, PointElement } from 'chart.js';
import type { Drawing } from './chart.js';
import { MARKER_RADIUS } from './legend.js';

const ID = 'markers-side-by-side';
/** Of the axis of values: markers whose values are closer lie on each other (a chart's plane is some 140 pixels high). */
const CLOSE = 0.015;
/** Pixels from marker to marker, where there is room for it: half of each shows, and a group stays near its place of the axis. */
const SPACING = MARKER_RADIUS + 1;
/** Of the way to the neighbours that a group may fill. */
const SHARE = 0.5;

/** A marker by the numbers of its dataset and of its point. */
export type MarkerPlace = readonly [dataset: number, point: number];

interface Markers {
  readonly data: readonly { readonly x: number; readonly y: number }[];
  readonly pointRadius?: unknown;
}

/** Markers that lie on each other, a list each, in the order of the lines. @param y the axis of values, with its bounds */
export function coincidences(datasets: readonly Markers[], y: object): MarkerPlace[][] {
  const { type, min, max } = y as { type: string; min: number; max: number };
  const place = type === 'logarithmic' ? Math.log : (value: number) => value;
  const height = (value: number) => (place(value) - place(min)) / (place(max) - place(min));
  const all = datasets.flatMap(({ data, pointRadius }, dataset) =>
    Number(pointRadius) > 0 ? data.map((point, k) => ({ ...point, place: [dataset, k] as const })) : [],
  );
  const xs = [...new Set(all.map(({ x }) => x))];
  return xs.flatMap((x) => {
    const groups: { height: number; places: MarkerPlace[] }[] = [];
    for (const point of all.filter((other) => other.x === x)) {
      const own = height(point.y);
      const group = groups.find((other) => Math.abs(other.height - own) < CLOSE);
      if (group === undefined) groups.push({ height: own, places: [point.place] });
      else group.places.push(point.place);
    }
    return groups.flatMap(({ places }) => (places.length > 1 ? [places] : []));
  });
}

/** A plugin of chart.js: markers of a group move to the left and right, those at an end of a line inwards; their heights stay. */
export function markersSideBySide(groups: readonly (readonly MarkerPlace[])[]): Plugin & { groups: typeof groups } {
  return {
    id: ID,
    groups,
    afterUpdate: (chart) => {
      const lines = new Map(groups.flat().map(([dataset]) => [dataset, verticesOf(chart, dataset)]));
      // A line goes through points of its own from here on.
      for (const [dataset, points] of lines) Object.assign(chart.getDatasetMeta(dataset).dataset!, { points });
      for (const group of groups) {
        const distances = group.flatMap(([dataset, k]) => neighbourDistances(lines.get(dataset)!, k));
        const spacing = Math.min(SPACING, (SHARE * Math.min(...distances)) / group.length);
        const isEnd = (step: -1 | 1) => group.some(([dataset, k]) => lines.get(dataset)![k + step] === undefined);
        const middle = isEnd(-1) ? 0 : isEnd(1) ? group.length - 1 : (group.length - 1) / 2;
        group.forEach(([dataset, k], place) => {
          const marker = chart.getDatasetMeta(dataset).data[k]!;
          marker.x += spacing * (place - middle);
        });
      }
    },
  };
}

interface Vertex {
  readonly x: number;
  readonly y: number;
  readonly skip?: boolean | undefined;
}

function verticesOf(chart: Chart, dataset: number): Vertex[] {
  return (chart.getDatasetMeta(dataset).data as PointElement[]).map(({ x, y, skip }) => ({ x, y, skip }));
}

function neighbourDistances(line: readonly Vertex[], k: number): number[] {
  return [line[k - 1], line[k + 1]].map((other) => (other === undefined ? Infinity : Math.abs(other.x - line[k]!.x)));
}

/** For the caption of a figure with such charts; nothing where no markers coincide. */
export function coincidingCaption(charts: readonly (ChartConfiguration | Drawing)[]): string[] {
  const moved = charts.some(
    (chart) =>
      typeof chart !== 'function' &&
      chart.plugins?.some(
        (plugin) => plugin.id === ID && (plugin as ReturnType<typeof markersSideBySide>).groups.length,
      ),
  );
  return moved ? ['Markers side by side: values that coincide at one place of the axis.'] : [];
}
