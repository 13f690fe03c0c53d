// The figure that the program is for: how good, how fast and how large each model is against sequence length, side by side.
import type { BenchRecord } from '../bench/bench-record.js';
import type { RunSummary } from '../evaluate/run-summary.js';
import type { PplRecord } from '../perplexity/ppl-record.js';
import { benchCaption, benchChart, benchLines, BENCH_PLOTS, drawnLines } from './bench-lines.js';
import { PAGE_WIDTH, type Figure } from './chart.js';
import { runsOfChosenText } from './chosen-text.js';
import { composeFigure } from './compose-figure.js';
import { displayNames, twinCaption } from './display-names.js';
import { legendOf, lineChart, valuesOf, type Line } from './line-chart.js';
import { logAxis, powersOfTwo } from './log-axis.js';
import { linearAxis } from './loss-axes.js';
import type { StyleBook } from './palette.js';
import { lengthCurves } from './ppl-lines.js';
import { recallChart, recallFamilies, type RecallFamily } from './recall-lines.js';
import { bandCaption, linesOfSeeds, type SeedLine } from './seed-groups.js';
import { lengthText } from './tick-text.js';

/** Null without a benchmark of several lengths, or without a recall task or perplexities of several. */
export function lengthPanels(
  { runs, benches, ppls }: { runs: readonly RunSummary[]; benches: readonly BenchRecord[]; ppls: readonly PplRecord[] },
  styles: StyleBook,
): Figure | null {
  const { throughput, memory } = BENCH_PLOTS;
  const measured = benchLines(throughput, benches);
  const quality = qualityOf(runs, ppls);
  const sizes = measured.flatMap(({ rows }) => rows.filter(({ status }) => status === 'ok').map((row) => row.n_prompt));
  if (quality === null || new Set(sizes).size < 2) return null;
  const { names, shared } = displayNames(quality.lines.map(({ label }) => label));
  const own = displayNames(measured.map(({ label }) => label));
  // A model that both show has one name.
  const places = measured.map(({ look }) => quality.lines.findIndex((line) => line.label === styles.twin(look)));
  const benchNames = places.map((place, k) => names[place] ?? own.names[k]!);
  const twins = own.names.filter((_, k) => styles.twin(measured[k]!.label) !== measured[k]!.label);
  const settings = new Set([shared, ...(twins.length === 0 ? [own.shared] : [])]);
  const first = quality.lines.map(({ label, points }, k): Line => ({
    label: names[k]!,
    style: styles.of(label),
    dashed: false,
    points,
  }));
  const fast = drawnLines(throughput, measured, benchNames, styles);
  const large = drawnLines(memory, benchLines(memory, benches), benchNames, styles);
  const all = [...fast, ...first].filter(
    ({ label }, k, lines) => lines.findIndex((line) => line.label === label) === k,
  );
  return composeFigure({
    title: `${quality.name}, prefill throughput and peak memory against sequence length`,
    width: PAGE_WIDTH,
    legend: legendOf(all),
    charts: [quality.chart(first), benchChart(throughput, fast), benchChart(memory, large)],
    chartHeight: 200,
    caption: [
      ...quality.caption,
      ...bandCaption(quality.lines),
      ...benchCaption(throughput, measured, benchNames),
      ...twinCaption('Throughput and memory', twins, own.shared),
      ...[...settings].filter((text) => text !== null),
    ],
  });
}

interface Quality {
  readonly name: string;
  readonly lines: readonly SeedLine[];
  readonly chart: (lines: readonly Line[]) => ReturnType<typeof lineChart>;
  readonly caption: readonly string[];
}

/** Accuracy of the recall that is furthest above chance; the loss of a text where all models guess, if there is one. */
function qualityOf(runs: readonly RunSummary[], ppls: readonly PplRecord[]): Quality | null {
  const [family] = recallFamilies(runs).sort((a, b) => (a.lead === b.lead ? 0 : b.lead - a.lead));
  if (family !== undefined && family.lead > 0) return recallOf(family);
  return lossOf(ppls) ?? (family === undefined ? null : recallOf(family));
}

function recallOf(family: RecallFamily): Quality {
  return {
    name: 'Accuracy of recall',
    lines: family.lines,
    chart: (lines) => recallChart(family, lines),
    caption: [`Accuracy: recall, ${family.probe}.${family.chance.length > 0 ? ' Dotted: chance.' : ''}`],
  };
}

function lossOf(ppls: readonly PplRecord[]): Quality | null {
  const own = runsOfChosenText(ppls);
  const lines = linesOfSeeds(lengthCurves(own));
  if (!lines.some(({ points }) => points.length > 1)) return null;
  return {
    name: 'Loss',
    lines,
    chart: (drawn) => {
      const { xs, ys } = valuesOf(drawn);
      return lineChart(drawn, {
        x: logAxis('Evaluation length (tokens)', xs, powersOfTwo(xs), lengthText),
        y: linearAxis('Loss (nats/token)', ys),
      });
    },
    caption: [`Loss: ${own[0]!.text.name}, the same tokens at every length.`],
  };
}
