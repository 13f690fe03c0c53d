// Training throughput: one bar a model, tokens a second of the whole step (forward, backward, update), whiskers its deviation.
import type { ChartConfiguration, Plugin } from 'chart.js';
import type { BenchRecord } from '../bench/bench-record.js';
import { benchRows, type BenchRow } from '../bench/bench-rows.js';
import { benchGroups } from './bench-groups.js';
import { COLUMN_WIDTH, FONT, INK, TEXT, type Figure } from './chart.js';
import { composeFigure } from './compose-figure.js';
import { displayNames } from './display-names.js';
import { thousands } from './number-text.js';
import type { StyleBook } from './palette.js';
import { figureText, lengthText } from './tick-text.js';
import { whiskers } from './whiskers.js';

const BAR = 15;
/** Axis, its title and padding. */
const BESIDE = 42;
/** Of the axis, so that the figures behind the bars lie on it. */
const ROOM = 1.45;

interface Bar {
  readonly label: string;
  readonly look: string;
  readonly row: BenchRow;
}

/** Of the cell (length and batch) that most models were trained at; null where fewer than two were. */
export function trainBars(runs: readonly BenchRecord[], styles: StyleBook): Figure | null {
  const all = benchGroups(runs, 'train').flatMap(({ label, look, runs: members }) =>
    members.flatMap((run) => benchRows(run).map((row): Bar => ({ label, look, row }))),
  );
  const { cell, bars: tried } = mostCommonCell(all);
  const bars = tried.filter(({ row }) => row.status === 'ok');
  if (bars.length < 2) return null;
  const { names, shared } = displayNames(bars.map(({ label, row }) => withWindow(label, row, tried)));
  const speeds = bars.map(({ row }) => row.p50_ts!);
  const deviations = bars.map(({ row }) => (row.p50_ts! * row.mad_ns!) / row.p50_ns!);
  const ends = speeds.map((speed, k) => speed + deviations[k]!);
  const texts = speeds.map((speed, k) =>
    [speed, deviations[k]!].map((value) => thousands(Math.round(value))).join(' ± '),
  );
  const config: ChartConfiguration<'bar'> = {
    type: 'bar',
    data: {
      labels: [...names],
      datasets: [
        {
          data: speeds,
          backgroundColor: bars.map(({ look }) => styles.of(look).color),
          ...{ categoryPercentage: 0.9, barPercentage: 0.85 },
        },
      ],
    },
    options: {
      indexAxis: 'y',
      layout: { padding: { right: 10, top: 4 } },
      scales: {
        x: {
          min: 0,
          suggestedMax: ROOM * Math.max(...ends),
          grid: { color: '#e3e3e3', lineWidth: 0.6, tickLength: 3 },
          border: { color: INK, width: 0.75 },
          ticks: {
            ...{ maxTicksLimit: 5, padding: 2, font: { size: TEXT.tick } },
            callback: (value) => figureText(Number(value)),
          },
          title: { display: true, text: 'Training throughput (tokens/s)', padding: 1 },
        },
        y: {
          grid: { display: false, drawTicks: false },
          border: { color: INK, width: 0.75 },
          ticks: { autoSkip: false, font: { size: TEXT.tick }, padding: 3 },
        },
      },
      plugins: { legend: { display: false }, tooltip: { enabled: false } },
    },
    plugins: [
      whiskers([speeds.map((speed, k) => [speed - deviations[k]!, ends[k]!] as const)]),
      textsBehind(ends, texts),
    ],
  };
  return composeFigure({
    title: 'Training throughput',
    width: COLUMN_WIDTH,
    legend: [],
    charts: [config],
    chartHeight: BESIDE + BAR * bars.length,
    caption: [
      `Forward, backward and update of ${cell.batch} × ${lengthText(cell.n_prompt)} tokens.`,
      'Median ± its absolute deviation over the repetitions.',
      ...compositeCaption(bars, names),
      ...tried.flatMap(({ label, row }) => (row.status === 'OOM' ? [`${label}: out of memory.`] : [])),
      ...(shared === null ? [] : [shared]),
    ],
  });
}

/** A chart.js plugin: a text behind the end of each lying bar and its whisker. */
function textsBehind(ends: readonly number[], texts: readonly string[]): Plugin<'bar'> {
  return {
    id: 'texts-behind',
    afterDatasetsDraw: (chart) => {
      const { ctx } = chart;
      ctx.save();
      Object.assign(ctx, { font: `${TEXT.caption}px ${FONT}`, fillStyle: INK, textBaseline: 'middle' });
      chart.getDatasetMeta(0).data.forEach(({ y }, k) => {
        ctx.fillText(texts[k]!, chart.scales.x!.getPixelForValue(ends[k]!) + 4, y);
      });
      ctx.restore();
    },
  };
}

/** The longest of those that equally many models have. */
function mostCommonCell(bars: readonly Bar[]): { cell: Pick<BenchRow, 'batch' | 'n_prompt'>; bars: Bar[] } {
  const cells = bars
    .map(({ row: { batch, n_prompt } }) => {
      const own = bars.filter(({ row }) => row.batch === batch && row.n_prompt === n_prompt);
      return { cell: { batch, n_prompt }, bars: own };
    })
    .sort((a, b) => b.bars.length - a.bars.length || b.cell.n_prompt - a.cell.n_prompt);
  return cells[0] ?? { cell: { batch: 0, n_prompt: 0 }, bars: [] };
}

/** Where a model was trained with several windows. */
function withWindow(label: string, { window }: BenchRow, bars: readonly Bar[]): string {
  return bars.filter((bar) => bar.label === label).length > 1 ? `${label}, window ${window}` : label;
}

function compositeCaption(bars: readonly Bar[], names: readonly string[]): string[] {
  const composite = names.filter((_, k) => bars[k]!.row.kernels === 'composite');
  if (composite.length === 0) return [];
  return [`By unfused kernels, whose speed says nothing about the architecture: ${composite.join(', ')}.`];
}
