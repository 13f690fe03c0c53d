// A chart.js plugin: confidence intervals as whiskers over bars, dark with a light edge so that they show on any colour.
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

function drawWhisker(chart: Chart, { x, width }: Bar, [low, high]: Bounds): void {
  const scale = chart.scales.y!;
  const [bottom, top] = [scale.getPixelForValue(low), scale.getPixelForValue(high)];
  const cap = Math.min(width / 4, 3);
  const { ctx } = chart;
  ctx.save();
  for (const [color, lineWidth] of [
    ['rgba(255, 255, 255, 0.75)', 2],
    ['#1a1a1a', 0.75],
  ] as const) {
    ctx.strokeStyle = color;
    ctx.lineWidth = lineWidth;
    ctx.beginPath();
    ctx.moveTo(x, bottom);
    ctx.lineTo(x, top);
    for (const y of [bottom, top]) {
      ctx.moveTo(x - cap, y);
      ctx.lineTo(x + cap, y);
    }
    ctx.stroke();
  }
  ctx.restore();
}
