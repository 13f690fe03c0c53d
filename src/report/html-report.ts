// report.html: every table and figure of some runs on one page that needs nothing but itself, from disk and without a network.
// All text of runs is escaped, and the page's policy lets no script run.
import { readFileSync } from 'node:fs';
import type { Leaders } from '../metrics/best.js';
import { ablationRows } from './ablation-rows.js';
import { ablationTable } from './ablation-table.js';
import { allFigures } from './all-figures.js';
import { benchTable } from './bench-table.js';
import { FONT, FONT_FILES, renderInlineSvg, type Figure } from './chart.js';
import { escapeXml } from './collect-texts.js';
import { longTable } from './long-table.js';
import { paperCells } from './paper-cells.js';
import { paperTable } from './paper-table.js';
import { pplTable } from './ppl-table.js';
import { provenanceTable } from './provenance-table.js';
import type { Found } from './read-run.js';
import { renderHtml } from './render-html.js';
import { REPORT_STYLE } from './report-style.js';
import type { Table } from './table.js';
import { trainingTable } from './training-table.js';

export interface ReportOptions {
  readonly title: string;
  /** UTC, when it is written. */
  readonly written: Date;
  /** Which runs are the best of the paper's columns, in their order; null marks none. */
  readonly leaders: readonly Leaders[] | null;
}

interface Section {
  readonly id: string;
  readonly heading: string;
  readonly content: string;
}

/** @param found at least one run. */
export function htmlReport(found: Found, { title, written, leaders }: ReportOptions): string {
  const sections = sectionsOf(found, leaders);
  const models = new Set([
    ...[...found.runs, ...found.ppls, ...found.benches].map(({ model }) => model.label),
    ...found.trainings.map(({ name }) => name),
  ]);
  const contents = sections.map(({ id, heading }) => `<li><a href="#${id}">${escapeXml(heading)}</a></li>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; font-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(title)}</title>
<style>
${FONT_FILES.map(fontFace).join('\n')}
${REPORT_STYLE}
</style>
</head>
<body>
<header>
<h1>${escapeXml(title)}</h1>
<p>${models.size} model${models.size === 1 ? '' : 's'}, written ${written.toISOString().slice(0, 16).replace('T', ' ')} UTC by swat-eval.</p>
<nav><ul>
${contents.join('\n')}
</ul></nav>
</header>
<main>
${sections.map(({ id, heading, content }) => `<section id="${id}">\n<h2>${escapeXml(heading)}</h2>\n${content}\n</section>`).join('\n')}
</main>
</body>
</html>
`;
}

function sectionsOf(found: Found, leaders: ReportOptions['leaders']): Section[] {
  const { runs, ppls, benches, trainings } = found;
  const table = (id: string, heading: string, of: () => Table, wanted: boolean): Section[] =>
    wanted ? [{ id, heading, content: renderHtml(of()) }] : [];
  return [
    ...figuresSection(found),
    ...table(
      'paper',
      "Accuracy in the paper's columns",
      () => paperTable(runs, [], leaders),
      runs.some(hasPaperColumn),
    ),
    ...table('accuracy', 'Every metric, with interval and chance', () => longTable(runs), runs.length > 0),
    ...table('perplexity', 'Perplexity against evaluation length', () => pplTable(ppls), ppls.length > 0),
    ...table(
      'ablation',
      "Activation and positions, in the paper's columns",
      () => ablationTable(trainings, ppls),
      isAblation(found),
    ),
    ...table('bench', 'Throughput, latency and memory', () => benchTable(benches), benches.length > 0),
    ...table('training', 'Training', () => trainingTable(trainings), trainings.length > 0),
    {
      id: 'runs',
      heading: 'Where the numbers come from',
      content: `${renderHtml(provenanceTable(found))}\n${settings(found)}`,
    },
  ];
}

function figuresSection(found: Found): Section[] {
  const figures = [...allFigures(found)].map(([name, figure]) => figureElement(name, figure));
  if (figures.length === 0) return [];
  return [{ id: 'figures', heading: 'Figures', content: `<div class="figures">\n${figures.join('\n')}\n</div>` }];
}

function figureElement(name: string, figure: Figure): string {
  const svg = renderInlineSvg(figure, name.replaceAll(/[^\w-]/g, '_'));
  return `<figure>\n${svg}\n<figcaption>${escapeXml(figure.heading)}</figcaption>\n</figure>`;
}

/** Models of attention that differ in it. */
function isAblation({ trainings, ppls }: Found): boolean {
  const kinds = ablationRows(trainings, ppls).rows.map(({ kind }) => `${kind.activation} ${kind.position}`);
  return new Set(kinds).size > 1;
}

function hasPaperColumn(run: Found['runs'][number]): boolean {
  return paperCells(run).some((cell) => cell !== null);
}

/** Of every run what it was told and what the model's configuration is, to be unfolded. */
function settings({ runs, ppls, benches, trainings }: Found): string {
  const all = [
    ...runs.map(({ runId, model, confidence, bootstrapIterations, limit, batchSize, seed, bosPolicy }) => ({
      ...{ runId, model },
      settings: { confidence, bootstrapIterations, limit, batchSize, seed, bosPolicy },
    })),
    ...ppls,
    ...benches,
    ...trainings.map(({ name, record: { runId, model, config } }) => ({
      ...{ runId, model: { ...model, label: name }, settings: config },
    })),
  ];
  return all
    .map(({ runId, model, settings }) => {
      const text = JSON.stringify({ settings, model }, null, 2);
      return `<details><summary>${escapeXml(`${model.label}, ${runId}`)}</summary><pre>${escapeXml(text)}</pre></details>`;
    })
    .join('\n');
}

function fontFace({ weight, file }: (typeof FONT_FILES)[number]): string {
  const data = readFileSync(file).toString('base64');
  return `@font-face { font-family: ${FONT}; font-weight: ${weight}; src: url(data:font/woff2;base64,${data}) format("woff2"); }`;
}
