// Quality against throughput, one marker a model, whose area is the size of its state: what a model buys with what it keeps.
import type { ChartConfiguration } from 'chart.js';
import type { BenchRecord } from '../bench/bench-record.js';
import type { BenchRow } from '../bench/bench-rows.js';
import type { RunSummary, TaskSummary } from '../evaluate/run-summary.js';
import { isAccuracy } from '../metrics/registry.js';
import { mean } from '../metrics/stderr.js';
import type { PplRecord } from '../perplexity/ppl-record.js';
import { pplRows } from '../perplexity/ppl-rows.js';
import { benchLines, BENCH_PLOTS } from './bench-lines.js';
import { COLUMN_WIDTH, type Figure } from './chart.js';
import { composeFigure } from './compose-figure.js';
import { runsOfChosenText } from './chosen-text.js';
import { axisWithRoom, LINEAR, LOGARITHMIC } from './disc-room.js';
import { displayNames, nameWithoutSeed, twinCaption } from './display-names.js';
import { decimalTicks, logAxis } from './log-axis.js';
import { MARKER_RADIUS } from './legend.js';
import { linearAxis } from './loss-axes.js';
import { drawnMarker } from './markers.js';
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
const CHART_HEIGHT = 200;
/** What a chart has beside its plane, at most: ticks, titles, padding. */
const BESIDE = { x: 70, y: 50 } as const;

/** Null unless two models have both a quality and a throughput at one length. */
export function qualityScatter(
  { runs, benches, ppls }: { runs: readonly RunSummary[]; benches: readonly BenchRecord[]; ppls: readonly PplRecord[] },
  styles: StyleBook,
): Figure | null {
  // A loss tells models apart whose accuracies are near chance.
  const quality = lossOf(ppls) ?? accuracyOf(runs);
  if (quality === null) return null;
  const found = atOneLength(benchLines(BENCH_PLOTS.throughput, benches), ({ model }) =>
    quality.values.has(styles.twin(model)),
  );
  if (found === null) return null;
  const measured = displayNames(found.rows.map(({ model }) => model));
  const { names, shared } = displayNames(found.rows.map(({ model }) => styles.twin(model)));
  const twins = measured.names.filter((_, k) => found.rows[k]!.model !== styles.twin(found.rows[k]!.model));
  const own = found.rows.map(({ model }) => styles.of(model));
  const most = Math.max(...found.rows.map((row) => row.state_bytes ?? 0));
  const speeds = found.rows.map((row) => row.p50_ts!);
  const values = found.rows.map((row) => quality.values.get(styles.twin(row.model))!);
  const radii = found.rows.map((row) => LARGEST_RADIUS * Math.sqrt((row.state_bytes ?? 0) / most));
  const reach = radii.map((radius) => Math.max(radius, MARKER_RADIUS));
  const x = axisWithRoom(speeds, reach, COLUMN_WIDTH - BESIDE.x, LOGARITHMIC, (reached) =>
    logAxis('Prefill throughput (tokens/s)', reached, decimalTicks(reached), figureText),
  );
  const y = axisWithRoom(values, reach, CHART_HEIGHT - BESIDE.y, LINEAR, (reached) =>
    linearAxis(quality.axis, reached),
  );
  const config: ChartConfiguration<'scatter'> = {
    type: 'scatter',
    data: {
      datasets: found.rows.flatMap((_, k) => {
        const { pointStyle, rotation, fill } = drawnMarker(own[k]!.marker, own[k]!.color);
        const point = { data: [{ x: speeds[k]!, y: values[k]! }], borderColor: own[k]!.color, clip: false as const };
        return [
          { ...point, pointRadius: MARKER_RADIUS, backgroundColor: fill, pointStyle, pointRotation: rotation },
          { ...point, backgroundColor: `${own[k]!.color}33`, pointRadius: radii[k]!, borderWidth: 0.5 },
        ];
      }),
    },
    options: {
      layout: { padding: { right: 8, top: 6 } },
      scales: { x, y },
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
    chartHeight: CHART_HEIGHT,
    caption: [
      `${quality.caption} Throughput at ${lengthText(found.length)} tokens.`,
      'Area of the disc: bytes of the state behind them, in brackets.',
      ...twinCaption('Throughput and state', twins, measured.shared),
      ...(shared === null ? [] : [shared]),
    ],
  });
}

/** Mean of the accuracies that all runs have; recall says little of a model's quality, and runs of it alone are none here. */
function accuracyOf(all: readonly RunSummary[]): Quality | null {
  const isQuality = ({ recall, metrics }: TaskSummary) =>
    recall === undefined && metrics.some(({ name }) => isAccuracy(name));
  const runs = all.filter(({ tasks }) => tasks.some(isQuality));
  const scores = runs.map(({ model, tasks }) => ({
    label: nameWithoutSeed(model.label),
    tasks: new Map(
      tasks
        .filter(isQuality)
        .map(({ task, metrics }) => [task, 100 * metrics.find(({ name }) => isAccuracy(name))!.value] as const),
    ),
  }));
  const common = [...(scores[0]?.tasks.keys() ?? [])].filter((task) => scores.every(({ tasks }) => tasks.has(task)));
  if (common.length === 0) return null;
  return {
    axis: 'Mean accuracy (%)',
    caption: `Unweighted mean of ${common.length} task${common.length === 1 ? '' : 's'}.`,
    values: meansByLabel(scores.map(({ label, tasks }) => [label, mean(common.map((task) => tasks.get(task)!))])),
  };
}

/** Bits per byte of a text at its longest length, which models with other tokenizers have in common. */
function lossOf(ppls: readonly PplRecord[]): Quality | null {
  const own = runsOfChosenText(ppls);
  const rows = own.flatMap(pplRows).filter(({ status }) => status === 'ok');
  if (rows.length === 0) return null;
  const length = Math.max(...rows.map((row) => row.length));
  return {
    axis: 'Bits per byte',
    caption: `Quality: ${own[0]!.text.name}, evaluation length ${lengthText(length)}.`,
    values: meansByLabel(
      rows.filter((row) => row.length === length).map((row) => [nameWithoutSeed(row.model), row.bits_per_byte!]),
    ),
  };
}

/** Seeds of one model as their mean. */
function meansByLabel(values: readonly (readonly [label: string, value: number])[]): Map<string, number> {
  const labels = [...new Set(values.map(([label]) => label))];
  return new Map(labels.map((own) => [own, mean(values.flatMap(([label, value]) => (label === own ? [value] : [])))]));
}

/** The longest length at which the most models have a speed, one row a model: that of its first line. */
function atOneLength(lines: ReturnType<typeof benchLines>, hasQuality: (row: BenchRow) => boolean) {
  const rows = lines.flatMap(({ rows }) => rows).filter((row) => row.status === 'ok' && hasQuality(row));
  const ofFirstLine = rows.filter(
    ({ model, n_prompt }, k) => rows.findIndex((row) => row.model === model && row.n_prompt === n_prompt) === k,
  );
  const lengths = [...new Set(rows.map((row) => row.n_prompt))].sort((a, b) => b - a);
  const models = (length: number): BenchRow[] => ofFirstLine.filter((row) => row.n_prompt === length);
  const best = Math.max(0, ...lengths.map((length) => models(length).length));
  const length = lengths.find((length) => models(length).length === best);
  return length === undefined || best < 2 ? null : { length, rows: models(length) };
}
