// A figure from its parts, one below the other: the legend, charts side by side, a caption. Each has a place of its own, so that
// a legend never lies on an axis.
import type { ChartConfiguration } from 'chart.js';
import { INK, TEXT, textWidth, type Drawing, type Figure, type Panel } from './chart.js';
import { coincidingCaption } from './coinciding-markers.js';
import { drawLegend, legendLayout, type LegendItem } from './legend.js';

export interface FigureParts {
  readonly title: string;
  readonly width: number;
  readonly legend: readonly LegendItem[];
  readonly charts: readonly (ChartConfiguration | Drawing)[];
  readonly chartHeight: number;
  /** Sentences below the charts. */
  readonly caption: readonly string[];
}

const MARGIN = 4;
const GAP = 10;
const CAPTION_LINE = TEXT.caption + 2.5;

export function composeFigure({ title, width, legend, charts, chartHeight, caption: told }: FigureParts): Figure {
  const caption = [...told, ...coincidingCaption(charts)];
  const layout = legendLayout(legend, width - 2 * MARGIN);
  const lines = caption.flatMap((sentence) => wrapped(sentence, width - 2 * MARGIN));
  const top = MARGIN + layout.height;
  const chartWidth = Math.floor((width - GAP * (charts.length - 1)) / charts.length);
  const captionHeight = lines.length === 0 ? 0 : Math.ceil(CAPTION_LINE * lines.length + MARGIN);
  const panels: Panel[] = [
    ...(legend.length === 0
      ? []
      : [
          {
            x: MARGIN,
            y: MARGIN,
            width: width - 2 * MARGIN,
            height: layout.height,
            content: drawLegend(legend, layout),
          },
        ]),
    ...charts.map((content, k) => ({
      ...{ x: k * (chartWidth + GAP), y: top, width: chartWidth, height: chartHeight },
      content,
    })),
    ...(lines.length === 0
      ? []
      : [{ x: 0, y: top + chartHeight, width, height: captionHeight, content: drawCaption(lines) }]),
  ];
  const spoken = [title, legend.map(({ label }) => label).join(', '), caption.join(' ')].filter(Boolean).join('. ');
  return { heading: title, width, height: top + chartHeight + captionHeight, title: spoken, panels };
}

function drawCaption(lines: readonly string[]): Drawing {
  return (context) => {
    context.font = `${TEXT.caption}px Inter`;
    context.fillStyle = INK;
    lines.forEach((line, k) => context.fillText(line, MARGIN, CAPTION_LINE * (k + 1)));
  };
}

/** Lines of at most this width; a word that is longer has a line of its own. */
function wrapped(sentence: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of sentence.split(' ')) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && textWidth(longer, TEXT.caption) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
