// Figures as SVG and PNG: chart.js draws on @napi-rs/canvas, which needs no system library. One bundled font, so that a
// figure looks the same on every machine; in SVG its letters are paths, so that it also does in every viewer.
import { createRequire } from 'node:module';
import { createCanvas, GlobalFonts, SvgExportFlag } from '@napi-rs/canvas';
import { Chart, registerables, type ChartConfiguration } from 'chart.js';

/** Width of a column of a two-column paper: 240 pt, at 96 pixels to the inch. */
export const COLUMN_WIDTH = 320;
/** 300 dots per inch in print. */
const PNG_SCALE = 300 / 96;

export const FONT = 'Inter';

export interface Figure {
  /** In pixels of 1/96 inch. */
  readonly width: number;
  readonly height: number;
  /** Read aloud in place of the figure, and shown by viewers as its name. */
  readonly title: string;
  readonly config: ChartConfiguration;
}

Chart.register(...registerables);
Object.assign(Chart.defaults, { animation: false, responsive: false, maintainAspectRatio: false });
Object.assign(Chart.defaults.font, { family: FONT, size: 8.5 });
Chart.defaults.color = '#222222';
for (const weight of [400, 600]) registerFont(`@fontsource/inter/files/inter-latin-${weight}-normal.woff2`);

export function renderSvg({ width, height, title, config }: Figure): string {
  const canvas = createCanvas(width, height, SvgExportFlag.ConvertTextToPaths);
  const svg = draw(canvas, config, 1, () => canvas.getContent().toString('utf8'));
  return svg.replace(/<svg [^>]*>/, (tag) => `${tag}\n<title>${escapeXml(title)}</title>`);
}

export function renderPng({ width, height, config }: Figure): Buffer {
  const canvas = createCanvas(width, height);
  return draw(canvas, config, PNG_SCALE, () => canvas.toBuffer('image/png'));
}

/** Takes the picture before the chart is destroyed, which clears the canvas. */
function draw<Picture>(
  canvas: object,
  config: ChartConfiguration,
  devicePixelRatio: number,
  takePicture: () => Picture,
): Picture {
  // chart.js expects a page's canvas, and looks at its style.
  const page = Object.assign(canvas, { style: {} }) as unknown as HTMLCanvasElement;
  const white = {
    id: 'white',
    beforeDraw: ({ ctx, width, height }: Chart) => {
      ctx.fillStyle = '#ffffff';
      ctx.fillRect(0, 0, width, height);
    },
  };
  const chart = new Chart(page, {
    ...config,
    options: { ...config.options, devicePixelRatio },
    plugins: [white, ...(config.plugins ?? [])],
  });
  const picture = takePicture();
  chart.destroy();
  return picture;
}

function registerFont(file: string): void {
  const location = createRequire(import.meta.url).resolve(file);
  if (GlobalFonts.registerFromPath(location, FONT) === null) throw new Error(`the font ${location} cannot be read`);
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
