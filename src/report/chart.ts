// Figures as SVG and PNG: chart.js draws on @napi-rs/canvas, which needs no system library. One bundled font, so that a
// figure looks the same on every machine; in SVG files its letters are paths, so that it also does in every viewer.
import { createRequire } from 'node:module';
import { createCanvas, GlobalFonts, SvgExportFlag, type SKRSContext2D } from '@napi-rs/canvas';
import { Chart, registerables, type ChartConfiguration } from 'chart.js';
import { collectTexts, escapeXml } from './collect-texts.js';
import { relativePaths } from './relative-paths.js';

/** Width of a column of a two-column paper, 240 pt, and of both together, 504 pt: at 96 pixels to the inch. */
export const COLUMN_WIDTH = 320;
export const PAGE_WIDTH = 672;
/** 300 dots per inch in print. */
const PNG_SCALE = 300 / 96;

export const FONT = 'Inter';
export const FONT_FILES = [400, 600].map((weight) => ({ weight, file: fontFile(weight) }));
/** Pixels of 1/96 inch: 6 pt is the least that prints legibly. */
export const TEXT = { label: 9.5, tick: 8.5, caption: 8 } as const;
export const INK = '#222222';

export type Drawing = (context: SKRSContext2D) => void;

/** A part of a figure: a chart, or what a function draws, with its upper left corner at (x, y). */
export interface Panel {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly content: ChartConfiguration | Drawing;
}

export interface Figure {
  /** In pixels of 1/96 inch. */
  readonly width: number;
  readonly height: number;
  /** What it shows, in a few words. */
  readonly heading: string;
  /** Read aloud in place of the figure, and shown by viewers as its name: heading, models and caption. */
  readonly title: string;
  readonly panels: readonly Panel[];
}

Chart.register(...registerables);
Object.assign(Chart.defaults, { animation: false, responsive: false, maintainAspectRatio: false });
Object.assign(Chart.defaults.font, { family: FONT, size: TEXT.label });
Chart.defaults.color = INK;
for (const { file } of FONT_FILES) registerFont(file);

export function renderSvg(figure: Figure): string {
  return `<?xml version="1.0" encoding="utf-8"?>\n${svgElement(figure, 'panel', false)}\n`;
}

/**
 * An <svg> for a page that has the font: its texts are texts.
 * @param id tells its inner names from those of other figures of the page.
 */
export function renderInlineSvg(figure: Figure, id: string): string {
  return svgElement(figure, id, true);
}

export function renderPng({ width, height, panels }: Figure): Buffer {
  const canvas = createCanvas(Math.round(width * PNG_SCALE), Math.round(height * PNG_SCALE));
  const context = canvas.getContext('2d');
  context.fillStyle = '#ffffff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (const panel of panels) {
    // chart.js enlarges its canvas itself.
    const scale = typeof panel.content === 'function' ? PNG_SCALE : 1;
    const own = createCanvas(Math.round(panel.width * scale), Math.round(panel.height * scale));
    draw(own, own.getContext('2d'), panel, PNG_SCALE, () =>
      context.drawImage(own, Math.round(panel.x * PNG_SCALE), Math.round(panel.y * PNG_SCALE)),
    );
  }
  return canvas.toBuffer('image/png');
}

/** Width of a text in pixels. */
export function textWidth(text: string, size: number, weight = 400): number {
  const context = createCanvas(1, 1).getContext('2d');
  context.font = `${weight} ${size}px ${FONT}`;
  return context.measureText(text).width;
}

function svgElement({ width, height, title, panels }: Figure, id: string, withTexts: boolean): string {
  const inner = panels.map((panel, k) => {
    const canvas = createCanvas(panel.width, panel.height, SvgExportFlag.ConvertTextToPaths);
    const context = canvas.getContext('2d');
    const texts = withTexts ? collectTexts(context) : [];
    const svg = draw(canvas, context, panel, 1, () => canvas.getContent().toString('utf8'));
    const place = `x="${panel.x}" y="${panel.y}" width="${panel.width}" height="${panel.height}"`;
    const shapes = svg
      .replace(/^[^]*?<svg [^>]*>/, '')
      .replace(/<\/svg>\s*$/, '')
      .replace(/(id="|url\(#)/g, `$1${id}-${k}-`)
      .replace(/\d+\.\d{3,}/g, (number) => String(Number(Number(number).toFixed(2))));
    return [`<svg ${place}>`, relativePaths(shapes.trim()), ...texts, '</svg>'].join('\n');
  });
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${size} role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...inner,
    '</svg>',
  ].join('\n');
}

/** Takes the picture before a chart is destroyed, which clears the canvas. */
function draw<Picture>(
  canvas: object,
  context: SKRSContext2D,
  { content }: Panel,
  scale: number,
  takePicture: () => Picture,
): Picture {
  if (typeof content === 'function') {
    context.scale(scale, scale);
    content(context);
    return takePicture();
  }
  // chart.js expects a page's canvas, and looks at its style.
  const page = Object.assign(canvas, { style: {} }) as unknown as HTMLCanvasElement;
  const chart = new Chart(page, { ...content, options: { ...content.options, devicePixelRatio: scale } });
  const picture = takePicture();
  chart.destroy();
  return picture;
}

function fontFile(weight: number): string {
  return createRequire(import.meta.url).resolve(`@fontsource/inter/files/inter-latin-${weight}-normal.woff2`);
}

function registerFont(file: string): void {
  if (GlobalFonts.registerFromPath(file, FONT) === null) throw new Error(`the font ${file} cannot be read`);
}
