// Quality against throughput, one marker a model, whose area is the size of its state: what a model buys with what it keeps.
import type { ChartConfiguration } from 'chart.js';
import type { BenchRecord } from '../bench/bench-record.js';
import type { BenchRow } from '../bench/bench-rows.js';
import type { RunSummary } from '../evaluate/run-summary.js';
import { isAccuracy } from '../metrics/registry.js';
import { mean } from '../metrics/stderr.js';
import type { PplRecord } from '../perplexity/ppl-record.js';
import { pplRows } from '../perplexity/ppl-rows.js';
import { benchLines, BENCH_PLOTS } from './bench-lines.js';
import { COLUMN_WIDTH, type Figure } from './chart.js';
import { composeFigure } from './compose-figure.js';
import { displayNames } from './display-names.js';
import { decimalTicks, logAxis } from './log-axis.js';
import { MARKER_RADIUS } from './legend.js';
import { linearAxis } from './loss-axes.js';
import { bytesText } from './number-text.js';
import type { StyleBook } from './palette.js';
import { figureText, lengthText } from './tick-text.js';

interface Quality {
  readonly axis: string;
  readonly caption: string;
  /** By the model's label. */
  readonly values: ReadonlyMap<string, number>;
}

const LARGEST_RADIUS = 16;

/** Null unless two models have both a quality and a throughput at one length. */
export function qualityScatter(
  { runs, benches, ppls }: { runs: readonly RunSummary[]; benches: readonly BenchRecord[]; ppls: readonly PplRecord[] },
  styles: StyleBook,
): Figure | null {
  const quality = accuracyOf(runs) ?? lossOf(ppls);
  if (quality === null) return null;
  const found = atOneLength(benchLines(BENCH_PLOTS.throughput, benches), quality.values);
  if (found === null) return null;
  const { names, shared } = displayNames(found.rows.map(({ model }) => model));
  const own = found.rows.map(({ model }) => styles.of(model));
  const most = Math.max(...found.rows.map((row) => row.state_bytes ?? 0));
  const speeds = found.rows.map((row) => row.p50_ts!);
  const values = found.rows.map((row) => quality.values.get(row.model)!);
  const config: ChartConfiguration<'scatter'> = {
    type: 'scatter',
    data: {
      datasets: found.rows.flatMap((row, k) => {
        const point = { data: [{ x: speeds[k]!, y: values[k]! }], borderColor: own[k]!.color, clip: false as const };
        const radius = LARGEST_RADIUS * Math.sqrt((row.state_bytes ?? 0) / most);
        return [
          { ...point, backgroundColor: own[k]!.color, pointStyle: own[k]!.marker, pointRadius: MARKER_RADIUS },
          { ...point, backgroundColor: `${own[k]!.color}33`, pointRadius: radius, borderWidth: 0.5 },
        ];
      }),
    },
    options: {
      layout: { padding: { right: 16, top: 18 } },
      scales: {
        x: logAxis('Prefill throughput (tokens/s)', speeds, decimalTicks(speeds), figureText),
        y: linearAxis(quality.axis, values),
      },
      plugins: { legend: { display: false }, tooltip: { enabled: false } },
    },
  };
  return composeFigure({
    title: 'Quality against throughput, with the size of the state as area',
    width: COLUMN_WIDTH,
    legend: names.map((name, k) => ({
      label: `${name} (${bytesText(found.rows[k]!.state_bytes)})`,
      style: own[k]!,
      key: 'marker',
    })),
    charts: [config],
    chartHeight: 200,
    caption: [
      `${quality.caption} Throughput at ${lengthText(found.length)} tokens.`,
      'Area of the disc: bytes of the state behind them, in brackets.',
      ...(shared === null ? [] : [shared]),
    ],
  });
}

/** Mean of the accuracies that all runs have. */
function accuracyOf(runs: readonly RunSummary[]): Quality | null {
  const scores = runs.map(({ model, tasks }) => ({
    label: model.label,
    tasks: new Map(
      tasks.flatMap(({ task, metrics }) => {
        const accuracy = metrics.find(({ name }) => isAccuracy(name));
        return accuracy === undefined ? [] : [[task, 100 * accuracy.value] as const];
      }),
    ),
  }));
  const common = [...(scores[0]?.tasks.keys() ?? [])].filter((task) => scores.every(({ tasks }) => tasks.has(task)));
  if (common.length === 0) return null;
  return {
    axis: 'Mean accuracy (%)',
    caption: `Unweighted mean of ${common.length} task${common.length === 1 ? '' : 's'}.`,
    values: new Map(scores.map(({ label, tasks }) => [label, mean(common.map((task) => tasks.get(task)!))])),
  };
}

/** Bits per byte of the first text at its longest length, which models with other tokenizers have in common. */
function lossOf(ppls: readonly PplRecord[]): Quality | null {
  const own = ppls.filter(({ text }) => text.digest === ppls[0]!.text.digest);
  const rows = own.flatMap(pplRows).filter(({ status }) => status === 'ok');
  if (rows.length === 0) return null;
  const length = Math.max(...rows.map((row) => row.length));
  return {
    axis: 'Bits per byte',
    caption: `${own[0]!.text.name}, evaluation length ${lengthText(length)}.`,
    values: new Map(rows.filter((row) => row.length === length).map((row) => [row.model, row.bits_per_byte!])),
  };
}

/** The longest length at which the most models have a speed, one row a model. */
function atOneLength(lines: ReturnType<typeof benchLines>, values: ReadonlyMap<string, number>) {
  const rows = lines.flatMap(({ rows }) => rows).filter((row) => row.status === 'ok' && values.has(row.model));
  const lengths = [...new Set(rows.map((row) => row.n_prompt))].sort((a, b) => b - a);
  const models = (length: number): BenchRow[] => [
    ...new Map(rows.filter((row) => row.n_prompt === length).map((row) => [row.model, row])).values(),
  ];
  const best = Math.max(0, ...lengths.map((length) => models(length).length));
  const length = lengths.find((length) => models(length).length === best);
  return length === undefined || best < 2 ? null : { length, rows: models(length) };
}
