import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { createCanvas } from '@napi-rs/canvas';
import { Chart, type ChartConfiguration } from 'chart.js';
import { allFigures } from '../../src/report/all-figures.js';
import { renderInlineSvg, renderSvg, type Figure } from '../../src/report/chart.js';
import { displayNames, nameWithoutSeed } from '../../src/report/display-names.js';
import type { PplRecord } from '../../src/perplexity/ppl-record.js';
import type { Found } from '../../src/report/read-run.js';
import { readPlaces } from '../../src/report/read-run.js';
import { writePpl } from '../../src/report/write-ppl.js';
import { exampleBench, measured } from './example-bench.js';
import { examplePpl, noRoom, saturating, scored } from './example-ppl.js';
import { exampleTraining } from './example-training.js';
import { accuracy, exampleRun, exampleTask, paperTasks } from './example-run.js';

const needle = (right: number[]) =>
  right.map((count, k) =>
    exampleTask(`mini_needle_${64 * 4 ** k}`, [accuracy('acc', count, 200)], {
      chance: 0.0625,
      recall: { probe: 'needle', pairs: 4, distance: 64 * 4 ** k },
    }),
  );

/** Everything of two models. */
const found: Found = {
  runs: ['swat-tiny', 'gla-tiny'].map((label, k) => ({
    ...exampleRun(label, [...paperTasks([60, 130, 78, 101, 110, 52, 75, 120]), ...needle([190, 150 + 20 * k, 20])]),
  })),
  benches: ['swat-tiny', 'gla-tiny'].map((label) => exampleBench(label)),
  ppls: [
    examplePpl('swat-tiny'),
    examplePpl('gla-tiny'),
    examplePpl('transformer-tiny', (cell) => (cell.length === 8192 ? noRoom(cell) : saturating(cell)), {
      settings: { windows: [64, 512, 'full'] },
    }),
  ],
  trainings: [exampleTraining('swat-tiny', 'swat'), exampleTraining('gla-tiny', 'gla')],
};

const figures = allFigures(found);

function chartOf({ panels }: Figure, which = 0) {
  const charts = panels.flatMap(({ content }) => (typeof content === 'function' ? [] : [content]));
  return charts[which] as ChartConfiguration<'line', { x: number; y: number }[]>;
}

/** Without bands and chance. */
const linesOf = (figure: Figure, which = 0) =>
  chartOf(figure, which).data.datasets.filter(({ pointRadius }) => Number(pointRadius) > 0);

test('there is a figure for everything that was measured', (t) => {
  t.deepEqual(
    [...figures.keys()],
    [
      ...[
        'length',
        'accuracy',
        'quality',
        'loss',
        'recall-needle',
        'ppl-by-length',
        'ppl-by-position',
        'ppl-memory',
        'ppl-heatmap',
      ],
      ...['throughput', 'memory', 'decode-latency'],
    ],
  );
  t.deepEqual([...allFigures({ runs: [], benches: [], ppls: [], trainings: [] }).keys()], []);
});

test('legend, charts and caption of a figure never lie on each other, and none leaves the figure', (t) => {
  for (const [name, { panels, width, height }] of figures)
    panels.forEach((panel, k) => {
      t.true(panel.x >= 0 && panel.y >= 0, name);
      t.true(panel.x + panel.width <= width && panel.y + panel.height <= height, name);
      for (const other of panels.slice(k + 1))
        t.true(
          panel.x + panel.width <= other.x ||
            other.x + other.width <= panel.x ||
            panel.y + panel.height <= other.y ||
            other.y + other.height <= panel.y,
          name,
        );
    });
});

test('a model has one colour and one marker in every figure', (t) => {
  const looks = new Set<string>();
  for (const name of ['length', 'recall-needle', 'ppl-by-length', 'ppl-by-position', 'throughput', 'memory'])
    for (const { label, borderColor, pointStyle } of linesOf(figures.get(name)!) as {
      label?: string;
      borderColor?: unknown;
      pointStyle?: unknown;
    }[])
      if (label === 'swat-tiny') looks.add(`${String(borderColor)} ${String(pointStyle)}`);
  t.deepEqual([...looks], ['#0072b2 circle']);
});

test('loss against length has a line a model and window, and says what was out of memory and that tokens are the same', (t) => {
  const figure = figures.get('ppl-by-length')!;
  t.deepEqual(
    linesOf(figure).map(({ label, data }) => [label, data.map(({ x }) => x)]),
    [
      ['swat-tiny', [128, 512, 2048, 8192]],
      ['gla-tiny', [128, 512, 2048, 8192]],
      ['transformer-tiny, window 64', [128, 512, 2048]],
      ['transformer-tiny, window 512', [128, 512, 2048]],
      ['transformer-tiny, full window', [128, 512, 2048]],
    ],
  );
  t.regex(figure.title, /transformer-tiny at 8k: out of memory/);
  t.regex(figure.title, /Every length scores the same tokens/);
  const scales = JSON.stringify(chartOf(figure).options!.scales);
  for (const unit of [/Evaluation length \(tokens\)/, /Loss \(nats\/token\)/, /Token perplexity/])
    t.regex(scales, unit);
});

test('seeds of one model are one line at their mean, in a band from the lowest to the highest', (t) => {
  const seeds = [0, 1, 2].map((seed) =>
    examplePpl(`swat-tiny-seed${seed}`, (cell) => scored(cell, () => 4 + seed), { runId: `${seed}` }),
  );
  const figure = allFigures({ runs: [], benches: [], ppls: seeds, trainings: [] }).get('ppl-by-length')!;
  const [line, ...others] = linesOf(figure);
  t.is(others.length, 0);
  t.is(line!.label, 'swat-tiny');
  const bands = chartOf(figure).data.datasets.filter(({ pointRadius }) => pointRadius === 0);
  const near = (value: number | undefined, expected: number) => t.true(Math.abs(value! - expected) < 1e-9);
  near(line!.data[0]!.y, 5);
  near(bands[0]!.data[0]!.y, 4);
  near(bands[1]!.data[0]!.y, 6);
  t.regex(figure.title, /Bands: lowest to highest of 3 seeds/);
});

test('two texts make two figures of each kind', (t) => {
  const other = examplePpl('swat-tiny');
  const ppls = [
    examplePpl('swat-tiny'),
    { ...other, text: { ...other.text, name: 'b/c.txt', digest: '12'.repeat(32) } },
  ];
  t.deepEqual(
    [...allFigures({ runs: [], benches: [], ppls, trainings: [] }).keys()].filter((name) =>
      name.startsWith('ppl-by-length'),
    ),
    ['ppl-by-length-book.txt', 'ppl-by-length-b_c.txt'],
  );
});

test('memory of evaluation is drawn against length, in bytes, and what was out of memory stands below', (t) => {
  const figure = figures.get('ppl-memory')!;
  const [swat] = linesOf(figure);
  t.deepEqual(
    swat!.data.map(({ x, y }) => [x, y * 2 ** 20 - 2 ** 20]),
    [128, 512, 2048, 8192].map((length) => [length, length]),
  );
  t.regex(JSON.stringify(chartOf(figure).options!.scales), /Peak memory of evaluation \(MiB\)/);
  t.regex(figure.title, /transformer-tiny at 8k: out of memory/);
});

test('figures of one text show the one of most models, of two of as many that of more runs, and name it', (t) => {
  const news = (label: string, runId = 'news'): PplRecord => {
    const run = examplePpl(label);
    return { ...run, runId, text: { ...run.text, name: 'news.txt', digest: '12'.repeat(32) } };
  };
  const named = (ppls: PplRecord[]) => {
    const drawn = allFigures({ ...found, runs: [], ppls });
    return ['length', 'quality'].map((name) => /(book|news)\.txt/.exec(drawn.get(name)!.title)![1]);
  };
  const books = ['swat-tiny', 'gla-tiny'].map((label) => examplePpl(label));
  const both = ['swat-tiny', 'gla-tiny'].map((label) => news(label));
  t.deepEqual(named([news('gla-tiny'), ...books]), ['book', 'book']);
  t.deepEqual(named([...books, ...both]), ['book', 'book']);
  t.deepEqual(named([...books, ...both, news('swat-tiny', 'seed2')]), ['news', 'news']);
});

test('recall is drawn against distance, with chance, and is left out of the bars', (t) => {
  const figure = figures.get('recall-needle')!;
  t.deepEqual(
    linesOf(figure).map(({ data }) => data.map(({ x, y }) => [x, y])),
    [
      [
        [64, 95],
        [256, 75],
        [1024, 10],
      ],
      [
        [64, 95],
        [256, 85],
        [1024, 10],
      ],
    ],
  );
  t.deepEqual(
    chartOf(figure)
      .data.datasets.at(-1)!
      .data.map(({ y }) => y),
    [6.25, 6.25, 6.25],
  );
  t.notRegex(JSON.stringify(chartOf(figures.get('accuracy')!).data), /needle/);
});

test('accuracy, throughput and memory stand side by side under one legend', (t) => {
  const { panels } = figures.get('length')!;
  const charts = panels.filter(({ content }) => typeof content !== 'function');
  t.is(charts.length, 3);
  t.is(new Set(charts.map(({ y }) => y)).size, 1);
  t.regex(JSON.stringify(charts.map(({ content }) => content)), /Accuracy \(%\).*tokens\/s.*Peak memory/);
});

test('discs lie inside the plane, at its corners too', (t) => {
  const speeds = { 'swat-tiny': 900, 'gla-tiny': 90_000, 'transformer-tiny': 30 } as const;
  const models = Object.entries(speeds);
  const benches = models.map(([label, nanoseconds]) =>
    exampleBench(label, (cell) => measured(cell, { nanoseconds: [1e5 * nanoseconds], stateBytes: 50_000 })),
  );
  const ppls = models.map(([label], k) => examplePpl(label, (cell) => scored(cell, () => 3 + 0.701 * k)));
  const figure = allFigures({ runs: [], benches, ppls, trainings: [] }).get('quality')!;
  const { width, height } = figure.panels.find(({ content }) => typeof content !== 'function')!;
  const canvas = Object.assign(createCanvas(width, height), { style: {} }) as unknown as HTMLCanvasElement;
  const chart = new Chart(canvas, chartOf(figure) as ChartConfiguration);
  const { left, right, top, bottom } = chart.chartArea;
  chartOf(figure).data.datasets.forEach(({ pointRadius }, k) => {
    const [{ x, y }] = chart.getDatasetMeta(k).data as unknown as [{ x: number; y: number }];
    const radius = Number(pointRadius);
    t.true(x - radius >= left && x + radius <= right, `${x} +- ${radius} in ${left} to ${right}`);
    t.true(y - radius >= top && y + radius <= bottom, `${y} +- ${radius} in ${top} to ${bottom}`);
  });
  chart.destroy();
});

test('the panels show the recall that is above chance, and the loss where every model guesses', (t) => {
  const far = (right: number[]) =>
    needle(right).map((task) => ({ ...task, task: `far_${task.task}`, recall: { ...task.recall!, pairs: 8 } }));
  const axisOf = (runs: Found['runs'], ppls = found.ppls) =>
    JSON.stringify(chartOf(allFigures({ ...found, runs, ppls }).get('length')!).options!.scales);
  const guesses = [12, 16, 8];
  const recalled = (own: number[], other: number[]) => [exampleRun('swat-tiny', [...needle(own), ...far(other)])];
  t.regex(axisOf(recalled(guesses, [90, 40, 12])), /8 pairs/);
  t.regex(axisOf(recalled([90, 40, 12], guesses)), /4 pairs/);
  t.regex(axisOf(recalled(guesses, guesses)), /nats\/token/);
  t.regex(axisOf(recalled(guesses, guesses), []), /pairs/, 'and recall where there is no loss');
});

test('the area of a disc is the size of a state', (t) => {
  const benches = [
    exampleBench('swat-tiny', (cell) => measured(cell, { stateBytes: 40_000 })),
    exampleBench('gla-tiny', (cell) => measured(cell, { stateBytes: 10_000 })),
  ];
  const figure = allFigures({ ...found, benches }).get('quality')!;
  const [, large, , small] = chartOf(figure).data.datasets.map(({ pointRadius }) => Number(pointRadius));
  t.is(large! / small!, 2);
});

test('a benchmark of another size stands under the trained model of its name, and the caption says what was measured', (t) => {
  const ppls = ['swat', 'gla'].map((label) => examplePpl(label));
  const benches = ['swat-340m', 'gla-340m'].map((label) => exampleBench(label));
  const drawn = allFigures({ runs: [], benches, ppls, trainings: [] });
  for (const name of ['length', 'quality']) {
    t.regex(drawn.get(name)!.title, /of swat-340m, gla-340m/, name);
    t.regex(drawn.get(name)!.title, /swat[^-]/, name);
  }
  const lines = ['length', 'throughput'].flatMap((name) => linesOf(drawn.get(name)!, name === 'length' ? 1 : 0));
  t.is(new Set(lines.map(({ borderColor }) => borderColor as string)).size, 2);
});

test('names leave out the settings that all have in common, and the seed where seeds are one line', (t) => {
  t.deepEqual(displayNames(['swat-340m,vocab=32000,window=64', 'gla-340m,vocab=32000', 'x,vocab=32000, window 8']), {
    names: ['swat-340m,window=64', 'gla-340m', 'x, window 8'],
    shared: 'All with vocab=32000.',
  });
  t.deepEqual(displayNames(['swat-340m,vocab=32000']).names, ['swat-340m,vocab=32000']);
  for (const name of ['swat-seed1', 'swat_seed=12', 'swat-s3', 'swat']) t.is(nameWithoutSeed(name), 'swat');
  t.is(nameWithoutSeed('swat-seed1-4m'), 'swat-4m');
  t.is(nameWithoutSeed('swat-340m'), 'swat-340m');
});

test('texts of an inline figure are texts, whole ones, and its inner names are its own', (t) => {
  const figure = figures.get('length')!;
  const svg = renderInlineSvg(figure, 'fig-1');
  for (const text of ['Accuracy (%)', 'Prefill throughput (tokens/s)', 'Distance (words), 4 pairs', 'swat-tiny'])
    t.true(svg.includes(`>${text}</text>`), text);
  const ids = [...svg.matchAll(/id="([^"]*)"/g)].map(([, id]) => id!);
  t.true(ids.length > 0 && ids.every((id) => id.startsWith('fig-1-')));
  t.is(new Set(ids).size, ids.length);
  t.is(svg.match(/<svg/g)!.length, svg.match(/<\/svg>/g)!.length);
  t.false(renderSvg(figure).includes('<text'));
});

test('perplexities read back as they were written, in a tree of results', async (t) => {
  const tree = await mkdtemp(path.join(tmpdir(), 'swat-eval-ppl-'));
  await writePpl(path.join(tree, 'swat-tiny', '1'), found.ppls[0]!);
  t.deepEqual(await readPlaces([tree]), { runs: [], benches: [], ppls: [found.ppls[0]!], trainings: [] });
});
