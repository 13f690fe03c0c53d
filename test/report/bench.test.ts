import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { readBenchRecord } from '../../src/bench/bench-record.js';
import { cellsOf } from '../../src/bench/cells.js';
import { benchRows } from '../../src/bench/bench-rows.js';
import { benchCsv } from '../../src/report/bench-csv.js';
import type { BenchRecord } from '../../src/bench/bench-record.js';
import { BENCH_PLOTS, benchFigures as figuresInStyles, benchLines, drawnLines } from '../../src/report/bench-lines.js';
import { StyleBook } from '../../src/report/palette.js';
import type { ChartConfiguration } from 'chart.js';
import { COMPOSITE_MEANING } from '../../src/report/bench-table.js';
import { formatBench } from '../../src/report/format-runs.js';
import { readPlaces } from '../../src/report/read-run.js';
import { renderInlineSvg, type Figure } from '../../src/report/chart.js';
import { trainBars } from '../../src/report/train-bars.js';
import { writePlots } from '../../src/report/write-plots.js';
import { writeBench } from '../../src/report/write-bench.js';
import { UserError } from '../../src/user-error.js';
import { exampleBench, measured, outOfMemory } from './example-bench.js';

const bench = exampleBench('swat-tiny');
const composite = exampleBench('retnet-tiny', (cell) =>
  measured(cell, { kernels: 'composite', compositeOps: ['RmsNorm'] }),
);
const full = exampleBench('transformer-tiny', (cell) => (cell.prompt === 1024 ? outOfMemory(cell) : measured(cell)));

const benchFigures = (runs: BenchRecord[]) => figuresInStyles(runs, new StyleBook(runs.map(({ model }) => model)));

const temporary = () => mkdtemp(path.join(tmpdir(), 'swat-eval-bench-'));

test("bench.csv has llama-bench's names where it has them", (t) => {
  const [header] = benchCsv(benchRows(bench)).split('\n');
  const names = header!.split(',');
  for (const name of [
    ...['build_commit', 'cpu_info', 'gpu_info', 'backends', 'model_filename', 'model_type', 'model_size'],
    ...['model_n_params', 'n_batch', 'n_prompt', 'n_gen', 'n_depth', 'test_time', 'avg_ns', 'stddev_ns', 'avg_ts'],
    ...['stddev_ts', 'dtype', 'window', 'p50_ns', 'mad_ns', 'peak_bytes', 'state_bytes', 'kernels', 'status'],
  ])
    t.true(names.includes(name), name);
});

test('speed and latency are those of the median time', (t) => {
  const [prefill] = benchRows(bench);
  t.is(prefill!.test, 'pp512');
  t.is(prefill!.p50_ns, 256_000);
  t.is(prefill!.mad_ns, 51_200);
  t.is(prefill!.p50_ts, 2e6);
  t.is(prefill!.ms_per_token, 0.0005);
  t.is(prefill!.ms_per_step, null);
  t.is(prefill!.matmul_share, 1e6 / 256e-6 / 1e12);
  t.is(prefill!.copy_share, 1e5 / 256e-6 / 1e11);
  const decode = benchRows(bench).find(({ test }) => test === 'tg64')!;
  t.is(decode.ms_per_step, 0.0005);
});

test('every row of the file has every column, with or without figures', (t) => {
  const columns = benchRows(full).map((row) => Object.keys(row).join());
  t.is(new Set(columns).size, 1);
  const row = benchRows(full).find(({ n_prompt }) => n_prompt === 1024)!;
  t.is(row.status, 'OOM');
  t.is(row.p50_ts, null);
});

test('a table says OOM in place of a speed, why, and what composite means', (t) => {
  const text = formatBench([full, composite], 'table');
  t.regex(text, /transformer-tiny .* pp1024 +OOM +– /);
  t.regex(text, /transformer-tiny pp1024: OOM, needs about 4000 MiB/);
  t.true(text.includes(COMPOSITE_MEANING));
  t.false(formatBench([bench], 'table').includes('composite'));
  t.notRegex(text, /slower|faster/);
});

test('two benchmarks of one model are told apart by what they differ in', (t) => {
  const half = { ...bench, runId: 'other', engine: { ...bench.engine, dtype: 'f16' as const } };
  const text = formatBench([bench, half], 'table');
  t.regex(text, /^swat-tiny f32 /m);
  t.regex(text, /^swat-tiny f16 /m);
});

test('a benchmark reads back as it was written, in a tree of results', async (t) => {
  const tree = await temporary();
  const directory = path.join(tree, 'swat__tiny', '1');
  await writeBench(directory, bench);
  t.deepEqual((await readdir(directory)).sort(), ['bench.csv', 'run.json']);
  t.deepEqual(readBenchRecord(directory), bench);
  t.deepEqual(await readPlaces([tree]), { runs: [], benches: [bench], ppls: [], trainings: [] });
});

test('what is no benchmark is refused, and so is a damaged one', async (t) => {
  const directory = await temporary();
  const refused = (message: RegExp) =>
    t.is(t.throws(() => readBenchRecord(directory), { instanceOf: UserError, message }).kind, 'data');
  refused(/holds no benchmark/);
  await writeFile(path.join(directory, 'run.json'), JSON.stringify({ ...bench, engine: null }));
  refused(/engine: /);
});

test('the figures are those that have a line to draw', (t) => {
  t.deepEqual([...benchFigures([bench]).keys()], ['throughput', 'memory', 'decode-latency']);
  const short = exampleBench('swat-tiny', measured, { results: bench.results.slice(0, 1) });
  t.deepEqual([...benchFigures([short]).keys()], []);
});

test('composite lines are dashed and named so, what was out of memory stands below, and units on the axes', (t) => {
  const { panels, title } = benchFigures([bench, composite, full]).get('throughput')!;
  const [, chart] = panels;
  const config = chart!.content as ChartConfiguration;
  const lines = config.data.datasets as { label: string; borderDash: number[]; data: { x: number; y: number }[] }[];
  t.deepEqual(
    lines.map(({ label, borderDash, data }) => [label, borderDash.length > 0, data.map(({ x }) => x)]),
    [
      ['swat-tiny', false, [512, 1024]],
      ['retnet-tiny', true, [512, 1024]],
      ['transformer-tiny', false, [512]],
    ],
  );
  t.regex(title, /transformer-tiny at 1k: out of memory/);
  t.notRegex(title, /slower|faster/);
  const scales = JSON.stringify(config.options!.scales);
  t.regex(scales, /Sequence length \(tokens\)/);
  t.regex(scales, /tokens\/s/);
});

/** As a sweep measures them: each kind of cells in a run and by a program of its own. */
const runsByKind = ['swat-tiny', 'gla-tiny'].flatMap((label) =>
  [
    { prompts: [512, 1024], generated: [], depths: [0], batches: ['tokens:1024' as const], train: false },
    { prompts: [], generated: [64], depths: [0, 4096], batches: [1], train: false },
    { prompts: [512], generated: [], depths: [0], batches: [8], train: true },
  ].map((changes, k): BenchRecord => {
    const settings = { ...bench.settings, ...changes };
    const build = { ...bench.build, revision: `${k}`.repeat(8) };
    return exampleBench(label, measured, {
      runId: `${label}${k}`,
      settings,
      results: cellsOf(settings).map((cell) => measured(cell)),
      build,
    });
  }),
);
const labelsIn = (figure: Figure) =>
  (figure.panels.find(({ content }) => typeof content !== 'function')!.content as ChartConfiguration).data.datasets.map(
    ({ label }) => label,
  );

test('runs of one model that measured other kinds of cells are one model, under its name', (t) => {
  const figures = benchFigures(runsByKind);
  for (const name of ['throughput', 'memory', 'decode-latency'])
    t.deepEqual(labelsIn(figures.get(name)!), ['swat-tiny', 'gla-tiny'], name);
  t.notRegex(formatBench(runsByKind, 'table'), /swat-tiny0|00000000/);
});

test('a cell of another batch at one length is no line beside one, and the caption says that it is not drawn', (t) => {
  const figure = benchFigures(runsByKind).get('throughput')!;
  t.regex(figure.title, /Not drawn: cells of another batch or window at one length alone/);
  t.notRegex(benchFigures(runsByKind.filter((_, k) => k % 3 < 2)).get('throughput')!.title, /Not drawn/);
});

test('the same cell measured by two programs is told apart by their revisions, and the first one looks like the model', (t) => {
  const again = { ...bench, runId: 'again', build: { ...bench.build, revision: 'fedcba98' } };
  const figure = benchFigures([bench, again]).get('throughput')!;
  t.deepEqual(labelsIn(figure), ['swat-tiny by 0123abc', 'swat-tiny by fedcba9']);
  const styles = new StyleBook([bench.model]);
  const [first, second] = drawnLines(
    BENCH_PLOTS.throughput,
    benchLines(BENCH_PLOTS.throughput, [bench, again]),
    ['a', 'b'],
    styles,
  );
  t.deepEqual(first!.style, styles.of('swat-tiny'));
  t.notDeepEqual(second!.style, first!.style);
});

test('of a cell that one program measured twice the later result counts', (t) => {
  const later = exampleBench('swat-tiny', (cell) => measured(cell, { nanoseconds: [1e9] }), { runId: 'later' });
  const [line, ...others] = benchLines(BENCH_PLOTS.throughput, [bench, later]);
  t.is(others.length, 0);
  t.deepEqual(
    line!.rows.map(({ p50_ts }) => p50_ts),
    [512, 1024],
  );
});

test('training throughput has a bar a model with its deviation, of the cell that most models have', (t) => {
  const styles = new StyleBook(runsByKind.map(({ model }) => model));
  const figure = trainBars(runsByKind, styles)!;
  const config = figure.panels.find(({ content }) => typeof content !== 'function')!.content as ChartConfiguration;
  t.deepEqual(config.data.labels, ['swat-tiny', 'gla-tiny']);
  t.deepEqual(config.data.datasets[0]!.data, [2e6, 2e6]);
  t.deepEqual(
    config.data.datasets[0]!.backgroundColor,
    ['swat-tiny', 'gla-tiny'].map((label) => styles.of(label).color),
  );
  t.regex(figure.title, /8 × 512 tokens/);
  const svg = renderInlineSvg(figure, 'bars');
  t.is(svg.match(/>2,000,000 ± 400,000</g)!.length, 2);
  t.is(trainBars(runsByKind.slice(0, 3), styles), null, 'one model is no comparison');
});

test('plots are written as SVG and PNG', async (t) => {
  const directory = await temporary();
  const files = await writePlots({ benches: [bench, composite] }, directory);
  t.is(files.length, 6);
  t.regex(await readFile(path.join(directory, 'plots', 'decode-latency.svg'), 'utf8'), /<title>Decoding latency/);
});
