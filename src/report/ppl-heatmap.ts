// Heatmaps of perplexity over evaluation window and length, as Figure 2 of the SWAT paper: one map a model, one colour bar. A cell
// whose window is longer than its length says nothing new, and is left empty.
import type { PplRecord } from '../perplexity/ppl-record.js';
import { pplRows, type PplRow } from '../perplexity/ppl-rows.js';
import { COLUMN_WIDTH, FONT, INK, PAGE_WIDTH, TEXT, type Drawing, type Figure } from './chart.js';
import { composeFigure } from './compose-figure.js';
import { runsByText } from './ppl-lines.js';
import { runLabels } from './run-labels.js';
import { thousands } from './number-text.js';
import { lengthText } from './tick-text.js';

interface HeatMap {
  readonly label: string;
  readonly windows: readonly (number | 'full')[];
  readonly lengths: readonly number[];
  /** By window and length; null where nothing was measured, or the window is as long as the text. */
  readonly cell: (window: number | 'full', length: number) => PplRow | null;
}

/** By file name: `ppl-heatmap`, with the text's name behind where there are several; those with two windows and two lengths. */
export function pplHeatmaps(runs: readonly PplRecord[]): Map<string, Figure> {
  const figures = new Map<string, Figure>();
  for (const [suffix, own] of runsByText(runs)) {
    const labels = runLabels(own);
    const maps = own.flatMap((run, k) => mapOf(run, labels[k]!));
    if (maps.length > 0) figures.set(`ppl-heatmap${suffix}`, figureOf(maps, own[0]!));
  }
  return figures;
}

function mapOf(run: PplRecord, label: string): HeatMap[] {
  const rows = pplRows(run);
  const windows = [...new Set(rows.flatMap(({ window }) => window ?? []))];
  const lengths = [...new Set(rows.map(({ length }) => length))].sort((a, b) => a - b);
  if (windows.length < 2 || lengths.length < 2) return [];
  const cell: HeatMap['cell'] = (window, length) => {
    if (window !== 'full' && window > length) return null;
    return rows.find((row) => row.window === window && row.length === length) ?? null;
  };
  return [{ label, windows, lengths, cell }];
}

const MAP_HEIGHT = 200;
const LEFT = 44;
const BOTTOM = 32;
const TOP = 16;
const BAR = 58;

function figureOf(maps: readonly HeatMap[], { text }: PplRecord): Figure {
  const values = maps.flatMap((map) =>
    map.windows.flatMap((window) => map.lengths.flatMap((length) => map.cell(window, length)?.token_perplexity ?? [])),
  );
  const range = [Math.log10(Math.min(...values)), Math.log10(Math.max(...values))] as const;
  const perRow = Math.min(2, maps.length);
  const width = maps.length === 1 ? COLUMN_WIDTH : PAGE_WIDTH;
  const rows = Math.ceil(maps.length / perRow);
  const mapWidth = (width - BAR) / perRow;
  const draw: Drawing = (context) => {
    maps.forEach((map, k) => {
      context.save();
      context.translate((k % perRow) * mapWidth, Math.floor(k / perRow) * MAP_HEIGHT);
      drawMap(context, map, mapWidth, range);
      context.restore();
    });
    context.translate(width - BAR, 0);
    drawBar(context, range);
  };
  return composeFigure({
    title: `Token perplexity over evaluation window and length of ${maps.map(({ label }) => label).join(', ')}`,
    width,
    legend: [],
    charts: [draw],
    chartHeight: MAP_HEIGHT * rows,
    caption: [
      `${text.name}, ${thousands(text.tokens)} tokens, the same in every cell. Colours: log10 of the perplexity.`,
    ],
  });
}

type Context = Parameters<Drawing>[0];

function drawMap(context: Context, map: HeatMap, width: number, range: readonly [number, number]): void {
  const { windows, lengths, cell } = map;
  const cellWidth = (width - LEFT - 6) / windows.length;
  const cellHeight = (MAP_HEIGHT - TOP - BOTTOM) / lengths.length;
  const write = (text: string, x: number, y: number, size: number, color = INK) => {
    context.font = `${size}px ${FONT}`;
    context.fillStyle = color;
    context.fillText(text, x, y);
  };
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  write(map.label, LEFT, TOP / 2, TEXT.label);
  lengths.forEach((length, row) => {
    // The longest length is on top, as on an axis.
    const y = TOP + (lengths.length - 1 - row) * cellHeight;
    context.textAlign = 'right';
    write(lengthText(length), LEFT - 4, y + cellHeight / 2, TEXT.tick);
    windows.forEach((window, column) => {
      const x = LEFT + column * cellWidth;
      const found = cell(window, length);
      const color = found?.token_perplexity == null ? null : colorOf(Math.log10(found.token_perplexity), range);
      context.fillStyle = color ?? '#f2f2f2';
      context.fillRect(x, y, cellWidth - 1, cellHeight - 1);
      if (found === null) return;
      context.textAlign = 'center';
      const text = found.token_perplexity === null ? found.status : digits(found.token_perplexity);
      write(
        text,
        x + cellWidth / 2,
        y + cellHeight / 2,
        TEXT.caption,
        color !== null && isDark(color) ? '#ffffff' : INK,
      );
    });
  });
  context.textAlign = 'center';
  windows.forEach((window, column) =>
    write(
      window === 'full' ? 'full' : lengthText(window),
      LEFT + (column + 0.5) * cellWidth,
      MAP_HEIGHT - BOTTOM + 8,
      TEXT.tick,
    ),
  );
  write('Evaluation window (tokens)', LEFT + (width - LEFT) / 2, MAP_HEIGHT - 8, TEXT.label);
  context.save();
  context.translate(8, TOP + (MAP_HEIGHT - TOP - BOTTOM) / 2);
  context.rotate(-Math.PI / 2);
  write('Evaluation length (tokens)', 0, 0, TEXT.label);
  context.restore();
}

/** The colours, with the perplexities that they stand for. */
function drawBar(context: Context, range: readonly [number, number]): void {
  const height = MAP_HEIGHT - TOP - BOTTOM;
  const steps = 40;
  for (let k = 0; k < steps; k++) {
    context.fillStyle = colorOf(range[0] + ((range[1] - range[0]) * (k + 0.5)) / steps, range);
    context.fillRect(8, TOP + height - ((k + 1) * height) / steps, 10, height / steps + 0.5);
  }
  Object.assign(context, { font: `${TEXT.tick}px ${FONT}`, fillStyle: INK, textAlign: 'left', textBaseline: 'middle' });
  for (const share of [0, 0.5, 1])
    context.fillText(digits(10 ** (range[0] + (range[1] - range[0]) * share)), 22, TOP + height * (1 - share));
  context.fillText('ppl', 8, TOP / 2);
}

/** From dark blue to yellow, as cividis (Nuñez et al. 2018): lightness alone tells the order, for any colour vision. */
const COLORS = [
  [0, 34, 78],
  [53, 69, 108],
  [102, 105, 112],
  [148, 142, 119],
  [200, 184, 102],
  [254, 232, 56],
] as const;

function colorOf(value: number, [low, high]: readonly [number, number]): string {
  const place = (high === low ? 0.5 : (value - low) / (high - low)) * (COLORS.length - 1);
  const first = Math.min(COLORS.length - 2, Math.max(0, Math.floor(place)));
  const [from, to] = [COLORS[first]!, COLORS[first + 1]!];
  const mixed = from.map((channel, k) => Math.round(channel + (to[k]! - channel) * (place - first)));
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}

function isDark(color: string): boolean {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return 0.299 * red! + 0.587 * green! + 0.114 * blue! < 130;
}

function digits(value: number): string {
  return value >= 1000 ? thousands(Math.round(value)) : value.toPrecision(3);
}
