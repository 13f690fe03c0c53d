import test from 'ava';
import { compareRuns } from '../../src/check/compare.js';
import { compareTable } from '../../src/check/compare-table.js';
import { formatTable } from '../../src/report/format-runs.js';
import { UserError } from '../../src/user-error.js';
import { rights, sampledRun, withTask } from './sampled-run.js';

const LOGPROBS = Array.from({ length: 40 }, (_, k) => -3 - (k % 7) / 4);
const tasks = (right: number, better = 0) => ({
  piqa: { acc: rights(right, 100), acc_norm: rights(right, 100) },
  lambada: { perplexity: LOGPROBS.map((logprob, k) => logprob + better + (k % 3) / 100), acc: rights(right, 40) },
});
const close = (value: number, expected: number) => Math.abs(value - expected) < 1e-9;
const a = sampledRun('a', tasks(30));
const b = sampledRun('b', tasks(39, 0.2));

test('each task has a row for an accuracy and one for a perplexity', (t) => {
  const { rows } = compareRuns([a, b]);
  t.deepEqual(
    rows.map(({ task, metric }) => `${task} ${metric}`),
    ['piqa acc', 'lambada acc', 'lambada perplexity'],
  );
});

test('an accuracy has the p of McNemar and its difference in points', (t) => {
  const [piqa] = compareRuns([a, b]).rows;
  t.like(piqa, { method: 'McNemar', firstValue: 0.3, secondValue: 0.39, documents: 100, better: 'b' });
  t.true(close(piqa!.p, 2 / 2 ** 9));
  t.true(close(piqa!.difference, 9));
  t.true(piqa!.interval[0] > 0 && piqa!.interval[0] < 9 && piqa!.interval[1] > 9);
});

test('a perplexity has its relative difference, and the lower one is better', (t) => {
  const perplexity = compareRuns([a, b]).rows[2]!;
  t.is(perplexity.method, 'bootstrap');
  t.true(Math.abs(perplexity.difference - 100 * Math.expm1(-0.2)) < 1e-9);
  t.is(perplexity.better, 'b');
  t.is(compareRuns([b, a]).rows[2]!.better, 'b');
});

test('p is corrected over all rows, and what does not stand it is no difference', (t) => {
  const near = sampledRun('b', tasks(36));
  const { rows } = compareRuns([a, near]);
  t.true(close(rows[0]!.p, 2 / 64));
  t.true(close(rows[0]!.adjustedP, 3 * (2 / 64)));
  t.is(rows[0]!.better, null);
});

test('the smallest detectable effect is that of power 0.8, none where the models never differ', (t) => {
  const [piqa, , perplexity] = compareRuns([a, sampledRun('b', tasks(39))]).rows;
  const stderr = Math.sqrt((0.09 * 0.91) / 99);
  t.true(Math.abs(piqa!.detectable! - 100 * 2.801585218 * stderr) < 1e-5);
  t.is(perplexity!.detectable, null);
});

test('several runs are each compared with the first', (t) => {
  const { rows } = compareRuns([a, b, sampledRun('c', tasks(31))]);
  t.deepEqual([...new Set(rows.map(({ first, second }) => `${first} ${second}`))], ['a b', 'a c']);
});

test('only documents that both scored count', (t) => {
  const few = sampledRun('b', { piqa: { acc: rights(39, 50) } });
  t.is(compareRuns([a, few]).rows[0]!.documents, 50);
  t.is(compareRuns([a, few]).rows[0]!.firstValue, 0.6);
});

const refused = (message: RegExp, ...runs: Parameters<typeof compareRuns>[0]) => {
  try {
    compareRuns(runs);
  } catch (error) {
    return error instanceof UserError && error.kind === 'data' && message.test(error.message);
  }
  return false;
};

test('runs of other data, prompts or settings are refused, and so are those without documents', (t) => {
  t.true(refused(/piqa data or prompts/, a, withTask(b, 'piqa', { dataDigest: 'other' })));
  t.true(refused(/piqa version/, a, withTask(b, 'piqa', { version: '9.0' })));
  t.true(refused(/--bos/, a, { ...b, summary: { ...b.summary, bosPolicy: 'never' } }));
  t.true(refused(/share no document of piqa/, a, { ...b, documents: new Map() }));
  t.true(refused(/no task in common/, a, sampledRun('b', { boolq: { acc: [1, 0] } })));
  t.true(refused(/not finite/, a, sampledRun('b', { lambada: { perplexity: LOGPROBS.map(() => NaN) } })));
});

test('tasks of one run only, and inputs of other lengths, are said', (t) => {
  const other = sampledRun('b', { piqa: { acc: rights(39, 100) }, boolq: { acc: [1, 0] } });
  const longer = { ...other.summary, model: { ...other.summary.model, maxLength: 2048 } };
  t.deepEqual(compareRuns([a, { ...other, summary: longer }]).notes, [
    'Only a has lambada.',
    'Only b has boolq.',
    'The longest input of a is 512 tokens, that of b 2048.',
  ]);
});

test('perplexities in tokens of other tokenizers are not compared', (t) => {
  const tokens = (label: string, tokenizerFingerprint: string) => {
    const run = sampledRun(label, { text: { token_perplexity: [[-3, 2]], byte_perplexity: [[-3, 9]] } });
    return { ...run, summary: { ...run.summary, model: { ...run.summary.model, tokenizerFingerprint } } };
  };
  const metrics = (second: string) =>
    compareRuns([tokens('a', 'x'), tokens('b', second)]).rows.map(({ metric }) => metric);
  t.deepEqual(metrics('x'), ['token_perplexity']);
  t.deepEqual(metrics('y'), ['byte_perplexity']);
});

test('every format has the numbers and the remarks', (t) => {
  const table = compareTable(compareRuns([a, b]));
  t.regex(formatTable(table, 'table'), /a +b +piqa +acc +↑ +100 +0\.3000 +0\.3900 +\+9\.00 +points/);
  t.true(formatTable(table, 'table').includes('corrected over the 3 rows'));
  t.true(formatTable(table, 'md').includes('| a | b | piqa | acc |'));
  t.true(formatTable(table, 'latex').includes('\\toprule'));
  t.regex(
    formatTable(table, 'csv'),
    /^first,second,task,metric,direction,n,a,b,difference,unit,ci_low,ci_high,p,p_holm/,
  );
  t.like((JSON.parse(formatTable(table, 'json')) as object[])[0], { task: 'piqa', n: 100, better: 'b' });
});
