// Markers of lines that coincide stand side by side, so that none of them hides another; the lines stay where they are.
import type { ChartConfiguration, Plugin, PointElement } from 'chart.js';
import type { Drawing } from './chart.js';
import { MARKER_RADIUS } from './legend.js';

const ID = 'markers-side-by-side';
/** Of the axis of values: markers whose values are closer lie on each other (a chart's plane is some 140 pixels high). */
const CLOSE = 0.025;
/** Pixels from marker to marker, where there is room for it. */
const SPACING = 2 * MARKER_RADIUS + 1;

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

/** A plugin of chart.js. */
export function markersSideBySide(groups: readonly (readonly MarkerPlace[])[]): Plugin<'line'> & {
  groups: typeof groups;
} {
  return {
    id: ID,
    groups,
    afterUpdate: (chart) => {
      // A line draws through points of its own from here on.
      for (const dataset of new Set(groups.flat().map(([dataset]) => dataset))) {
        const meta = chart.getDatasetMeta(dataset);
        const still = (meta.data as PointElement[]).map(({ x, y, skip }) => ({ x, y, skip }));
        Object.assign(meta.dataset!, { points: still });
      }
      for (const group of groups) {
        const markers = group.map(([dataset, point]) => chart.getDatasetMeta(dataset).data[point]! as PointElement);
        const spacing = Math.min(SPACING, room(group, (place) => neighbours(chart, place)) / group.length);
        markers.forEach((marker, k) => (marker.x += spacing * (k - (group.length - 1) / 2)));
      }
    },
  };

  function neighbours(chart: Parameters<NonNullable<Plugin<'line'>['afterUpdate']>>[0], [dataset, k]: MarkerPlace) {
    const points = chart.data.datasets[dataset]!.data as unknown as readonly { x: number }[];
    const pixel = (point: { x: number } | undefined) =>
      point === undefined ? Infinity : chart.scales.x!.getPixelForValue(point.x);
    return [points[k - 1], points[k + 1]].map((point) => Math.abs(pixel(point) - pixel(points[k])));
  }

  /** The least distance to a neighbour on one of the lines. */
  function room(group: readonly MarkerPlace[], distances: (place: MarkerPlace) => number[]): number {
    return Math.min(...group.flatMap(distances));
  }
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
  return moved ? ['Markers side by side: lines that coincide.'] : [];
}
