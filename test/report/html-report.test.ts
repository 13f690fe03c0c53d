import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { htmlReport } from '../../src/report/html-report.js';
import type { Found } from '../../src/report/read-run.js';
import { exampleBench } from './example-bench.js';
import { examplePpl } from './example-ppl.js';
import { swatConfig } from './example-config.js';
import { exampleTraining, failedTraining } from './example-training.js';
import { exampleRun, paperTasks } from './example-run.js';

const options = { title: 'A report', written: new Date('2026-01-02T03:04:05Z'), leaders: null };
const RIGHT = [60, 130, 78, 101, 110, 52, 75, 120];
const found: Found = {
  runs: [exampleRun('swat-tiny', paperTasks(RIGHT)), exampleRun('gla-tiny', paperTasks(RIGHT))],
  benches: [exampleBench('swat-tiny'), exampleBench('gla-tiny')],
  ppls: [examplePpl('swat-tiny'), examplePpl('gla-tiny')],
  trainings: [exampleTraining()],
};

const HOSTILE = '<script>document.title = "run"</script>"\'&amp;';
const hostile: Found = {
  runs: found.runs.map((run) => ({ ...run, runId: HOSTILE, model: { ...run.model, label: HOSTILE, spec: HOSTILE } })),
  benches: found.benches.map((run) => ({ ...run, runId: HOSTILE, model: { ...run.model, label: HOSTILE } })),
  ppls: found.ppls.map((run) => ({
    ...run,
    model: { ...run.model, label: HOSTILE },
    text: { ...run.text, name: HOSTILE },
  })),
  trainings: [exampleTraining(HOSTILE)],
};

test('a report has every table and figure, and where the numbers come from', (t) => {
  const html = htmlReport(found, options);
  const headings = [...html.matchAll(/<h2>([^<]*)<\/h2>/g)].map(([, heading]) => heading);
  t.deepEqual(headings, [
    'Figures',
    "Accuracy in the paper's columns",
    'Every metric, with interval and chance',
    'Perplexity against evaluation length',
    'Throughput, latency and memory',
    'Training',
    'Where the numbers come from',
  ]);
  t.is(html.match(/<figure>/g)!.length, 10);
  for (const origin of [
    '0123abcd',
    'abababababab',
    'book.txt efefefefefef',
    '20260102T030405Z-swat-tiny',
    'a processor',
  ])
    t.true(html.includes(origin), origin);
});

test('seeds of a model are one row, and no run id stands in its name', (t) => {
  const seeds = [1, 2].map((seed) => {
    const run = exampleRun('swat-tiny', paperTasks(RIGHT.map((right) => right + 4 * seed)), { seed });
    return { run: { ...run, runId: `run-${seed}` }, ppl: examplePpl('swat-tiny') };
  });
  const ppls = seeds.map(({ ppl, run }) => ({
    ...ppl,
    runId: run.runId,
    settings: { ...ppl.settings, seed: run.seed },
  }));
  const html = htmlReport({ runs: seeds.map(({ run }) => run), benches: [], ppls, trainings: [] }, options);
  for (const id of ['accuracy', 'perplexity']) {
    const section = new RegExp(`<section id="${id}">[^]*?</section>`).exec(html)![0];
    t.notRegex(section, /swat-tiny[^<]*run-1/, id);
    t.regex(section, /2 seeds: .*; runs run-1, run-2/, id);
  }
});

test('what was not measured has no section', (t) => {
  const html = htmlReport({ runs: [], benches: [], ppls: found.ppls, trainings: [] }, options);
  t.regex(html, /id="perplexity"/);
  t.notRegex(html, /id="(bench|paper|accuracy|training)"/);
});

test('a report has the ablation where models differ in their attention, and why a training failed', (t) => {
  const [softmax, sigmoid] = [{ attention_activation: 'softmax' }, {}].map((changes, k) => {
    const run = exampleTraining(`model-${k}`);
    return { ...run, record: { ...run.record, model: { ...run.record.model, config: swatConfig(changes) } } };
  });
  const none = { runs: [], benches: [], ppls: [] };
  t.notRegex(htmlReport({ ...none, trainings: [sigmoid!] }, options), /id="ablation"/);
  const failed = failedTraining('training diverged at step 26');
  const html = htmlReport({ ...none, trainings: [softmax!, sigmoid!, failed] }, options);
  t.regex(html, /id="ablation"/);
  t.regex(html, /<p class="note"><sup>1<\/sup>training diverged at step 26<\/p>/);
});

test('a report asks for nothing but itself', (t) => {
  const html = htmlReport(found, options);
  const outside = [...html.matchAll(/(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)/g)].map(([, address]) => address!);
  t.true(
    outside.every((address) => address.startsWith('#') || address.startsWith('data:font/woff2')),
    outside.join(),
  );
  t.notRegex(html, /<(script|link|img|iframe|object)/);
  t.regex(html, /default-src 'none'/);
});

test('names with markup stay text wherever they are printed', (t) => {
  const html = htmlReport(hostile, { ...options, title: HOSTILE });
  t.notRegex(html, /<script/i);
  t.true(html.includes('&lt;script&gt;document.title = &quot;run&quot;&lt;/script&gt;'));
});

test.serial('a browser shows all of it from disk, and runs nothing', async (t) => {
  if (spawnSync('chromium', ['--version']).status !== 0) {
    if (process.env.CI) throw new Error('CI must have chromium');
    t.log('skipped: there is no chromium to open the page in');
    t.pass();
    return;
  }
  const directory = await mkdtemp(path.join(tmpdir(), 'swat-eval-report-'));
  const file = path.join(directory, 'report.html');
  const html = htmlReport(hostile, options);
  await writeFile(file, html);
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${path.join(directory, 'profile')}`];
  const { stdout } = await promisify(execFile)('chromium', [...flags, '--dump-dom', `file://${file}`], {
    timeout: 60_000,
    maxBuffer: 2 ** 26,
  });
  t.regex(stdout, /<title>A report<\/title>/);
  t.is(stdout.match(/<figure>/g)!.length, html.match(/<figure>/g)!.length);
  t.is(stdout.match(/<svg/g)!.length, stdout.match(/<\/svg>/g)!.length);
  t.is(stdout.match(/<section /g)!.length, 7);
});
