import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import type { Figure } from '../../src/report/chart.js';
import { formatTraining } from '../../src/report/format-runs.js';
import { lossLines } from '../../src/report/loss-lines.js';
import { StyleBook } from '../../src/report/palette.js';
import type { TrainedRun } from '../../src/report/read-training.js';
import { writePlots } from '../../src/report/write-plots.js';
import { writeTraining } from '../../src/report/write-training.js';
import { exampleTraining, failedTraining } from './example-training.js';

const run = exampleTraining();
const { training, validation } = run;
const bare: TrainedRun = { ...exampleTraining('gla-mini', 'gla'), validation: [] };
const styles = new StyleBook([run, bare].map(({ name, baseline }) => ({ label: name, baseline })));

/** The lines of a figure's chart. */
function dataOf({ panels }: Figure) {
  const charts = panels.flatMap(({ content }) => (typeof content === 'function' ? [] : [content]));
  return charts[0]!.data;
}

const temporary = () => mkdtemp(path.join(tmpdir(), 'swat-eval-training-'));

test('the CSV files have their columns and every row', async (t) => {
  const directory = await temporary();
  await writeTraining(directory, training, validation);
  const [header, first, ...rest] = (await readFile(path.join(directory, 'train.csv'), 'utf8')).trimEnd().split('\n');
  t.is(header, 'step,tokens,loss,learning_rate,grad_norm,tokens_per_s,peak_bytes');
  t.is(first, '1,1000,5,0.001,0.5,2000,1048576');
  t.is(rest.length, 499);
  const validated = await readFile(path.join(directory, 'validation.csv'), 'utf8');
  t.is(validated.split('\n')[0], 'step,length,tokens,loss,perplexity');
});

test('without a validation there is no file of it', async (t) => {
  const directory = await temporary();
  await writeTraining(directory, training, []);
  t.deepEqual(await readdir(directory), ['train.csv']);
});

test('the table has the last loss, and the last perplexity at each length where there is one', (t) => {
  const lines = formatTraining([run, bare], 'table').split('\n');
  t.regex(lines[0]!, /^model +params +steps +tokens +loss +ppl at 64 +ppl at 256$/);
  t.regex(lines[1]!, /^swat-mini +500\.0K +500 +500,000 +3\.0040 +20\.000 +20\.000$/);
  t.regex(lines[2]!, /^gla-mini .* – +–$/);
});

test('a long curve is drawn as the means of neighbours, over the tokens of the run', (t) => {
  const { datasets } = dataOf(lossLines([run], styles)!);
  const points = datasets[0]!.data as { x: number; y: number }[];
  t.is(points.length, 100);
  t.deepEqual(points[0], { x: 3, y: 5 - 2 / 250 });
  t.deepEqual(datasets[1]!.data, [
    { x: 250, y: 3 - 0.256 },
    { x: 500, y: 3 - 0.256 },
  ]);
});

test('seeds are one line in a band, a search of the same name is not drawn, and other settings are told apart by the run', (t) => {
  const again = (runId: string, config: object): TrainedRun => ({
    ...run,
    record: { ...run.record, runId, config: { ...run.record.config, ...config } },
    validation: [],
  });
  const seeds = [1, 2].map((seed) => again(`seed${seed}`, { seeds: { init: seed, data: seed } }));
  const search = again('search', { steps: 100 });
  const figure = lossLines([...seeds, search], styles)!;
  t.deepEqual(
    dataOf(figure).datasets.flatMap(({ label }) => label ?? []),
    ['swat-mini'],
  );
  t.is(dataOf(figure).datasets.length, 3, 'and the two edges of the band');
  t.regex(figure.title, /2 seeds; lines: their means\..*1 shorter run is not drawn/);
  const other = again('other', { batch_size: 4 });
  t.regex(lossLines([seeds[0]!, other], styles)!.title, /swat-mini \(seed1\), swat-mini \(other\)/);
});

test('runs of a search are not drawn beside finished ones of the full budget, of whatever model, and the caption counts them', (t) => {
  const searches = ['gla-mini', 'titans-mini'].map((name): TrainedRun => {
    const { record, ...other } = exampleTraining(name, name.split('-')[0]);
    return { ...other, record: { ...record, config: { ...record.config, steps: 100 } } };
  });
  const figure = lossLines([run, ...searches], styles)!;
  t.deepEqual(new Set(dataOf(figure).datasets.map(({ label }) => label)), new Set(['swat-mini']));
  t.regex(figure.title, /2 shorter runs are not drawn/);
  const unfinished = { ...run, record: { ...run.record, status: 'interrupted' as const } };
  t.notRegex(lossLines([unfinished, ...searches], styles)!.title, /not drawn/, 'where nothing longer was finished');
});

test('a training that failed says so in place of its loss, and why below; in the figure it has the sentence and no line', (t) => {
  const failed = failedTraining('training diverged at step 26');
  const printed = formatTraining([run, failed], 'table');
  t.regex(printed, /^titans-mini .* failed¹ +– +–$/m);
  t.regex(printed, /^¹ training diverged at step 26$/m);
  t.regex(formatTraining([failed], 'csv'), /,failed,training diverged at step 26$/m);
  const figure = lossLines([run, failed], styles)!;
  t.deepEqual(
    dataOf(figure).datasets.map(({ label }) => label),
    ['swat-mini', 'swat-mini'],
  );
  t.regex(figure.title, /titans-mini \(20260102T030405Z-titans-mini\) failed: training diverged at step 26\./);
});

test('learning rate and seed are columns where runs differ in them', (t) => {
  const { config } = run.record;
  const other = {
    ...run,
    record: { ...run.record, config: { ...config, optimizer: { ...config.optimizer, lr: 0.01 } } },
  };
  t.regex(formatTraining([run, other], 'csv'), /^model,params,lr,steps,/);
});

test('the figure is written as SVG and PNG, and none for a run without a curve', async (t) => {
  const directory = await temporary();
  const files = await writePlots({ trainings: [run, bare] }, directory);
  t.deepEqual(
    files.map((file) => path.relative(directory, file)),
    ['plots/loss.svg', 'plots/loss.png'],
  );
  t.regex(await readFile(files[0]!, 'utf8'), /<title>Training loss against tokens. swat-mini, gla-mini/);
  t.is(lossLines([{ ...run, training: training.slice(0, 1) }], styles), null);
});
