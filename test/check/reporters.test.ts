import test from 'ava';
import type { Comparison, GateOutcome } from '../../src/check/gate-outcome.js';
import { biggerIsBetterReporter, smallerIsBetterReporter } from '../../src/check/report-github-benchmark.js';
import { jsonReporter } from '../../src/check/report-json.js';
import { junitReporter } from '../../src/check/report-junit.js';
import { differenceReporter, tableReporter } from '../../src/check/report-table.js';

const accuracy: Comparison = {
  model: 'swat <mini>',
  task: 'piqa',
  metric: 'acc',
  higherIsBetter: true,
  reference: 0.6,
  value: 0.5,
  stderr: 0.05,
  change: 10,
  allowed: 1,
  unit: 'points',
  basis: 'paired',
  regressed: true,
  note: null,
};
const perplexity: Comparison = {
  ...accuracy,
  task: 'wikitext',
  metric: 'word_perplexity',
  higherIsBetter: false,
  reference: 20,
  value: 20.01,
  change: 0.05,
  allowed: 0.5,
  unit: '%',
  regressed: false,
};
const request: Comparison = {
  ...perplexity,
  metric: 'log-probability',
  reference: -3,
  value: NaN,
  stderr: null,
  change: NaN,
  allowed: 1e-3,
  unit: 'nats',
  basis: 'equal weights',
  regressed: true,
  note: 'document 1, request 0',
};
const bad: GateOutcome = {
  comparisons: [accuracy, perplexity, request],
  failed: [{ model: 'gla-mini', reason: 'the model gave NaN' }],
  notes: ['speed is not compared'],
};
const good: GateOutcome = { comparisons: [perplexity], failed: [], notes: [] };

test('a person reads what regressed, how many more were compared, and the notes', (t) => {
  const text = tableReporter.report(bad);
  t.regex(text, /gla-mini .*failed¹/);
  t.regex(text, /piqa +acc +↑ +0\.6000 +0\.5000 +10\.00 pt +1\.00 pt +paired +regressed/);
  t.false(text.includes('word_perplexity'));
  t.true(text.includes('1 more were compared.\nspeed is not compared'));
  t.true(text.includes('document 1, request 0'));
});

test('a person reads all that was compared where nothing regressed', (t) => {
  t.regex(tableReporter.report(good), /word_perplexity .* 0\.05 % +0\.50 % +paired +ok/);
});

test('an update shows what changed, for better or worse', (t) => {
  t.true(differenceReporter.report(bad).includes('word_perplexity'));
  const equal = { ...accuracy, task: 'boolq', change: 0, regressed: false };
  t.false(differenceReporter.report({ ...good, comparisons: [perplexity, equal] }).includes('boolq'));
});

test('JSON has the verdict, the names and every comparison', (t) => {
  const json = JSON.parse(jsonReporter.report(bad)) as Record<string, unknown[]>;
  t.like(json, {
    passed: false,
    regressed: ['gla-mini', 'swat <mini> piqa acc', 'swat <mini> wikitext log-probability'],
  });
  t.is(json.comparisons!.length, 3);
  t.like(JSON.parse(jsonReporter.report(good)), { passed: true, regressed: [] });
});

test('github-action-benchmark gets perplexities where smaller is better and accuracies where bigger is', (t) => {
  t.deepEqual(JSON.parse(smallerIsBetterReporter.report(bad)), [
    {
      name: 'swat <mini> / wikitext / word_perplexity',
      unit: 'perplexity',
      value: 20.01,
      range: '± 0.0500',
      extra: 'reference 20, paired',
    },
  ]);
  t.like(JSON.parse(biggerIsBetterReporter.report(bad)), [{ name: 'swat <mini> / piqa / acc', unit: 'share' }]);
});

test('JUnit has a case for each comparison, failures with their numbers, and escapes names', (t) => {
  const xml = junitReporter.report(bad);
  t.true(xml.includes('<testsuite name="swat-eval check" tests="4" failures="3">'));
  t.true(xml.includes('<testcase classname="swat &lt;mini&gt;" name="wikitext word_perplexity"/>'));
  t.regex(xml, /name="piqa acc"><failure message="0\.5, the reference has 0\.6: worse by 10 points, allowed are 1"/);
});
