import test from 'ava';
import { alibiSlopes } from '../../src/models/checkpoint/slopes.js';
import { ablationTable } from '../../src/report/ablation-table.js';
import { formatAblation } from '../../src/report/format-runs.js';
import type { TrainedRun } from '../../src/report/read-training.js';
import { swatConfig } from './example-config.js';
import { examplePpl, scored } from './example-ppl.js';
import { exampleTraining, failedTraining } from './example-training.js';

const softmax = { alibi_slopes: null, attention_activation: 'softmax' };
const minus = { alibi_slopes: alibiSlopes(4, 'minus', 'code') };

/** A training at length 256, whose last held-out loss there is 2.744. */
function trained(name: string, changes: Record<string, unknown>, run: TrainedRun = exampleTraining(name), seed = 0) {
  const { model, config } = run.record;
  return {
    ...run,
    record: {
      ...run.record,
      runId: `run-${name}-${seed}`,
      model: { ...model, config: swatConfig(changes) },
      config: { ...config, sequence_length: 256, seeds: { init: seed, data: seed } },
    },
  };
}

/** Perplexities of its checkpoint: `loss` nats per token at every length. */
function evaluated({ name, record }: TrainedRun, loss: number, text = 'book.txt') {
  const plain = examplePpl(name, (cell) => scored(cell, () => loss), { runId: `ppl-${record.runId}-${text}` });
  const spec = `results/train/${name}/${record.runId}/final`;
  const model = { ...plain.model, spec, config: record.model.config, weightsDigest: record.runId.padEnd(64, '0') };
  return { ...plain, model, text: { ...plain.text, name: text, digest: text.padEnd(64, '0') } };
}

/** The texts of rows by the titles of their columns. */
function rowsOf(trainings: readonly TrainedRun[], ppls: Parameters<typeof ablationTable>[1]) {
  const { columns, sections } = ablationTable(trainings, ppls);
  return sections.flat().map((row) => Object.fromEntries(columns.map(({ title }, k) => [title, row[k]!.text])));
}

test("a row says what a model is in the paper's words, whatever it is called, and has its losses at the longest length", (t) => {
  const trainings = [trained('sigmoid-rope', softmax), trained('b', minus)];
  const [first, second] = rowsOf(trainings, [evaluated(trainings[0]!, 4)]);
  const shared = { Type: 'Sliding', 'Train window': '64', 'Train length': '256', 'Held out': '2.7440' };
  t.deepEqual(first, {
    ...{ ...shared, Model: 'sigmoid-rope', Activation: 'Softmax', Position: 'RoPE' },
    ...{ 'Eval window': 'full', 'book.txt 8,192': '4.0000' },
  });
  t.deepEqual(second, {
    ...{ ...shared, Model: 'b', Activation: 'Sigmoid', Position: 'AliRope-4:0' },
    ...{ 'Eval window': '–', 'book.txt 8,192': '–' },
  });
});

test('seeds are one row, and the average is of those that have every text', (t) => {
  const seeds = [1, 2].map((seed) => trained('swat', {}, exampleTraining('swat'), seed));
  const ppls = [evaluated(seeds[0]!, 4), evaluated(seeds[1]!, 5), evaluated(seeds[0]!, 3, 'news.txt')];
  const [row, ...others] = rowsOf(seeds, ppls);
  t.is(others.length, 0);
  t.is(row!['book.txt 8,192'], '4.5000 ± 0.7071');
  t.is(row!['news.txt 8,192'], '3.0000');
  t.is(row!.Avg, '3.5000');
});

test('a training that failed has a row with its sentence, a search and what is not attention have none', (t) => {
  const failed = trained('swat-plus', minus, failedTraining('training diverged at step 26', 'swat-plus', 'swat'));
  const long = trained('b', {});
  const search = { ...long, record: { ...long.record, runId: 'search', config: { ...long.record.config, steps: 9 } } };
  const printed = formatAblation({ trainings: [failed, search, long, exampleTraining('gla', 'gla')], ppls: [] }, 'md');
  t.regex(printed, /^\| swat-plus \|.*\| failed¹ \|$/m);
  t.regex(printed, /^¹ training diverged at step 26$/m);
  t.is(printed.match(/^\| b \|/gm)!.length, 1);
  t.notRegex(printed, /^\| gla/m);
  t.regex(printed, /without a row: gla\./);
});

test('evaluations alone have rows, without what only the training knows', (t) => {
  const [row] = rowsOf([], [evaluated(trained('swat', {}), 4)]);
  t.is(row!['Train length'], '–');
  t.false('Held out' in row!);
});

test('the table is Markdown, LaTeX and CSV', (t) => {
  const found = { trainings: [trained('swat', {})], ppls: [] };
  t.regex(formatAblation(found, 'latex'), /swat & Sliding & Sigmoid & AliRope-2:2 & 64 & 256 & -- & 2\.7440 \\\\/);
  t.regex(formatAblation(found, 'csv'), /^swat,Sliding,Sigmoid,AliRope-2:2,64,256,,2\.74/m);
});
