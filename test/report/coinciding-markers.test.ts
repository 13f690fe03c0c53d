import test from 'ava';
import { createCanvas } from '@napi-rs/canvas';
import { Chart, type PointElement } from 'chart.js';
import '../../src/report/chart.js';
import { composeFigure } from '../../src/report/compose-figure.js';
import { lineChart } from '../../src/report/line-chart.js';
import { linearAxis } from '../../src/report/loss-axes.js';
import { logAxis } from '../../src/report/log-axis.js';
import { modelStyles } from '../../src/report/palette.js';

const XS = [1, 2, 4, 8];
const styles = modelStyles(['swat', 'gla', 'mamba'].map((label) => ({ label, baseline: label })));

/** @param ys of each line at 1, 2, 4, 8 */
function chartOf(ys: readonly (readonly number[])[]) {
  const lines = ys.map((values, k) => ({
    ...{ label: `${k}`, style: styles[k]!, dashed: false },
    points: values.map((y, place) => ({ x: XS[place]!, y })),
  }));
  return lineChart(lines, { x: logAxis('Length', XS, XS, String), y: linearAxis('Loss', [0, 100]) });
}

/** Pixels of the markers of each line, and of the points that the line goes through. */
function pixels(ys: readonly (readonly number[])[]) {
  const canvas = Object.assign(createCanvas(320, 190), { style: {} }) as unknown as HTMLCanvasElement;
  const chart = new Chart(canvas, chartOf(ys));
  const places = ys.map((_, k) => {
    const { data, dataset } = chart.getDatasetMeta(k);
    const line = (dataset as unknown as { points: PointElement[] }).points;
    return { markers: data.map(({ x, y }) => [x, y] as const), line: line.map(({ x, y }) => [x, y] as const) };
  });
  chart.destroy();
  return places;
}

test('markers of lines that coincide stand beside each other at their height, and the lines stay', (t) => {
  const [first, second, apart] = pixels([
    [50, 50, 50, 50],
    [50, 50.5, 50, 50],
    [90, 90, 90, 90],
  ]);
  const [alone] = pixels([[50, 50, 50, 50]]);
  XS.forEach((x, k) => {
    t.true(second!.markers[k]![0] - first!.markers[k]![0] >= 3, `${x}`);
    t.deepEqual(first!.line[k], alone!.line[k]);
    t.is(first!.markers[k]![1], alone!.markers[k]![1]);
  });
  t.deepEqual(apart!.markers, apart!.line);
});

test('at the ends of lines markers move inwards, so that all lie in the chart', (t) => {
  const places = pixels([XS, XS, XS].map((values) => values.map(() => 20)));
  const [{ line }] = places as [(typeof places)[number]];
  for (const { markers } of places) t.true(markers[0]![0] >= line[0]![0] && markers.at(-1)![0] <= line.at(-1)![0]);
});

test('the caption says so where there are such markers, and only there', (t) => {
  const captionOf = (ys: number[][]) =>
    composeFigure({ title: '', width: 320, legend: [], charts: [chartOf(ys)], chartHeight: 190, caption: [] }).title;
  t.regex(
    captionOf([
      [1, 1, 1, 1],
      [1, 9, 9, 9],
    ]),
    /side by side/,
  );
  t.notRegex(
    captionOf([
      [1, 1, 1, 1],
      [9, 9, 9, 9],
    ]),
    /side by side/,
  );
});
