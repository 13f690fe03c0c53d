// The legend of a figure: line, marker and name of every model, in columns that fit.
import { drawPoint } from 'chart.js/helpers';
import { FONT, INK, TEXT, textWidth, type Drawing } from './chart.js';
import { drawnMarker } from './markers.js';
import type { ModelStyle } from './palette.js';

export interface LegendItem {
  readonly label: string;
  readonly style: ModelStyle;
  /** What stands before the name: a line with its marker, a marker alone, or a filled square. */
  readonly key: 'line' | 'dashed' | 'marker' | 'square';
}

export interface LegendLayout {
  /** Where each column begins. */
  readonly columns: readonly number[];
  readonly height: number;
  /** Names, cut where they are wider than the figure. */
  readonly labels: readonly string[];
}

export const DASH = [4, 3];
export const MARKER_RADIUS = 3;
const KEY_WIDTH = 26;
const SPACE = 12;
const ROW = TEXT.label + 3.5;

/** As many columns as fit, each as wide as its widest name. */
export function legendLayout(items: readonly LegendItem[], width: number): LegendLayout {
  const labels = items.map(({ label }) => shortened(label, width - KEY_WIDTH));
  const widths = labels.map((label) => KEY_WIDTH + textWidth(label, TEXT.label));
  const columns = Array.from({ length: items.length }, (_, k) => items.length - k)
    .map((count) => columnsOf(widths, count))
    .find(({ end }) => end <= width) ?? { starts: [0] };
  const height = Math.ceil(ROW * Math.ceil(items.length / columns.starts.length));
  return { columns: columns.starts, labels, height };
}

function columnsOf(widths: readonly number[], count: number): { starts: number[]; end: number } {
  const starts: number[] = [];
  let end = -SPACE;
  for (let column = 0; column < count; column++) {
    starts.push(end + SPACE);
    end += SPACE + Math.max(...widths.filter((_, k) => k % count === column));
  }
  return { starts, end };
}

/** Row by row, in the order of the items. */
export function drawLegend(items: readonly LegendItem[], { columns, labels }: LegendLayout): Drawing {
  return (context) => {
    context.font = `${TEXT.label}px ${FONT}`;
    context.textBaseline = 'middle';
    items.forEach(({ style, key }, k) => {
      const [x, y] = [columns[k % columns.length]!, ROW * (Math.floor(k / columns.length) + 0.5)];
      Object.assign(context, { strokeStyle: style.color, fillStyle: style.color, lineWidth: 1.2 });
      if (key === 'line' || key === 'dashed') {
        context.setLineDash(key === 'dashed' ? DASH : []);
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(x + KEY_WIDTH - 6, y);
        context.stroke();
        context.setLineDash([]);
      }
      const { fill, ...shape } = drawnMarker(key === 'square' ? 'rect' : style.marker, style.color);
      const point = { ...shape, radius: key === 'square' ? 5 : MARKER_RADIUS, borderWidth: 1.2 };
      context.fillStyle = fill;
      drawPoint(context as unknown as CanvasRenderingContext2D, point, x + (KEY_WIDTH - 6) / 2, y);
      context.fillStyle = INK;
      context.fillText(labels[k]!, x + KEY_WIDTH, y + 0.5);
    });
  };
}

/** A name that fits, its middle left out where it does not. */
function shortened(label: string, width: number): string {
  if (textWidth(label, TEXT.label) <= width) return label;
  for (let kept = label.length - 1; kept > 2; kept--) {
    const text = `${label.slice(0, Math.ceil(kept / 2))}…${label.slice(label.length - Math.floor(kept / 2))}`;
    if (textWidth(text, TEXT.label) <= width) return text;
  }
  return '…';
}
