// A chart.js plugin: a dashed line across each group of bars where guessing stands, with a light edge to show on any colour.
import type { Plugin } from 'chart.js';

/** Share of a group's width that the line takes. */
const SPAN = 0.94;

/** @param chances by group, in the units of the value axis; null where there is no guessing. */
export function chanceLines(chances: readonly (number | null)[]): Plugin {
  return {
    id: 'chanceLines',
    afterDatasetsDraw: ({ ctx, scales }) => {
      const [groups, values] = [scales.x!, scales.y!];
      const half = (SPAN * groups.width) / chances.length / 2;
      ctx.save();
      ctx.beginPath();
      chances.forEach((chance, k) => {
        if (chance === null) return;
        const [x, y] = [groups.getPixelForValue(k), values.getPixelForValue(chance)];
        ctx.moveTo(x - half, y);
        ctx.lineTo(x + half, y);
      });
      ctx.strokeStyle = 'rgba(255, 255, 255, 0.75)';
      ctx.lineWidth = 1.8;
      ctx.stroke();
      ctx.setLineDash([2.5, 1.5]);
      ctx.strokeStyle = '#1a1a1a';
      ctx.lineWidth = 0.8;
      ctx.stroke();
      ctx.restore();
    },
  };
}
