// A chart.js plugin: intervals as whiskers over bars, standing or lying ones, dark with a light edge so that they show on any colour.
import type { BarElement, BarProps, Chart, Plugin } from 'chart.js';

export type Bounds = readonly [low: number, high: number];
type Bar = BarElement & BarProps;

/** @param bounds by dataset and bar, in the units of the value axis; null where a bar has none. */
export function whiskers(bounds: readonly (readonly (Bounds | null)[])[]): Plugin {
  return {
    id: 'whiskers',
    afterDatasetsDraw: (chart) => {
      bounds.forEach((row, dataset) => {
        const bars = chart.getDatasetMeta(dataset).data as Bar[];
        row.forEach((interval, k) => {
          if (interval !== null) drawWhisker(chart, bars[k]!, interval);
        });
      });
    },
  };
}

function drawWhisker(chart: Chart, bar: Bar, [low, high]: Bounds): void {
  const lying = chart.options.indexAxis === 'y';
  const scale = lying ? chart.scales.x! : chart.scales.y!;
  const [middle, thickness] = lying ? [bar.y, bar.height] : [bar.x, bar.width];
  const [start, end] = [scale.getPixelForValue(low), scale.getPixelForValue(high)];
  const cap = Math.min(thickness / 4, 3);
  const { ctx } = chart;
  const line = (across: number, along: number, acrossTo: number, alongTo: number) => {
    ctx.moveTo(...(lying ? ([along, across] as const) : ([across, along] as const)));
    ctx.lineTo(...(lying ? ([alongTo, acrossTo] as const) : ([acrossTo, alongTo] as const)));
  };
  ctx.save();
  for (const [color, lineWidth] of [
    ['rgba(255, 255, 255, 0.75)', 2],
    ['#1a1a1a', 0.75],
  ] as const) {
    ctx.strokeStyle = color;
    ctx.lineWidth = lineWidth;
    ctx.beginPath();
    line(middle, start, middle, end);
    for (const edge of [start, end]) line(middle - cap, edge, middle + cap, edge);
    ctx.stroke();
  }
  ctx.restore();
}
