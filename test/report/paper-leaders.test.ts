import test from 'ava';
import { summarizeMetric } from '../../src/metrics/summarize-metric.js';
import { PAPER_COLUMNS } from '../../src/report/paper-columns.js';
import { paperLeaders } from '../../src/report/paper-leaders.js';
import type { SampledRun } from '../../src/report/read-samples.js';
import { exampleRun, paperTasks } from './example-run.js';

/** The paper's eight, of 200 documents the first `right[k]` right. */
function run(label: string, right: readonly number[], changes: Parameters<typeof paperTasks>[1] = {}): SampledRun {
  const summary = exampleRun(label, paperTasks(right, changes).slice(1));
  const documents = summary.tasks.map(({ task, metrics }) => {
    const values = metrics.map(({ name, value }) => ({ name, right: Math.round(value * 200) }));
    const rows = Array.from({ length: 200 }, (_, id) => ({
      id,
      logprobs: [-1],
      values: Object.fromEntries(values.map(({ name, right: own }) => [name, id < own ? 1 : 0])),
    }));
    return [task, rows] as const;
  });
  return { where: label, summary: withoutPerplexity(summary), documents: new Map(documents) };
}

function withoutPerplexity(summary: SampledRun['summary']): SampledRun['summary'] {
  return {
    ...summary,
    tasks: summary.tasks.map((task) => ({
      ...task,
      metrics: task.metrics.filter(({ name }) => name !== 'perplexity'),
    })),
  };
}

const EVEN = [100, 100, 100, 100, 100, 100, 100, 100];
const column = (key: string) => PAPER_COLUMNS.findIndex((each) => each.key === key);
const piqaFrom = (right: number) => EVEN.map((own, k) => (k === 1 ? right : own));

test('an accuracy leads when it is better than every other beyond chance', (t) => {
  const leaders = paperLeaders([run('a', EVEN), run('b', piqaFrom(150)), run('c', EVEN)]);
  t.deepEqual(leaders[column('piqa')], { best: 1, second: null });
  t.deepEqual(leaders[column('boolq')], { best: null, second: null });
});

test('a lead of a few documents is none', (t) => {
  t.is(paperLeaders([run('a', EVEN), run('b', piqaFrom(104))])[column('piqa')]!.best, null);
});

test('the average leads when its difference is more than chance', (t) => {
  const better = run(
    'b',
    EVEN.map((right) => right + 5),
  );
  t.is(paperLeaders([run('a', EVEN), better]).at(-1)!.best, 1);
  t.is(paperLeaders([run('a', EVEN), run('b', piqaFrom(101))]).at(-1)!.best, null);
});

test('what is not the whole benchmark, or has no documents, does not compete', (t) => {
  for (const label of ['partial', 'limit', 'fixtures'] as const)
    t.is(paperLeaders([run('a', EVEN), run('b', piqaFrom(150), { label })])[column('piqa')]!.best, null);
  t.is(
    paperLeaders([run('a', EVEN), { ...run('b', piqaFrom(150)), documents: new Map() }])[column('piqa')]!.best,
    null,
  );
  const three = [run('a', EVEN), run('b', piqaFrom(150)), run('c', piqaFrom(190), { label: 'limit' })];
  t.is(paperLeaders(three)[column('piqa')]!.best, 1);
});

test('runs of other data have no leader', (t) => {
  const other = run('b', piqaFrom(150), { dataDigest: 'other' });
  t.is(paperLeaders([run('a', EVEN), other])[column('piqa')]!.best, null);
});

test('of perplexities the lowest leads', (t) => {
  const words = (label: string, logprob: number): SampledRun => {
    const values = Array.from({ length: 50 }, (_, k) => logprob - (k % 5));
    const { summary } = run(label, EVEN);
    const lambada = summary.tasks.find(({ task }) => task === 'lambada_openai')!;
    const metrics = [summarizeMetric('perplexity', values, { bootstrapIterations: 0, confidence: 0.95 })];
    return {
      where: label,
      summary: { ...summary, tasks: [{ ...lambada, metrics }] },
      documents: new Map([
        ['lambada_openai', values.map((value, id) => ({ id, logprobs: [value], values: { perplexity: value } }))],
      ]),
    };
  };
  t.deepEqual(paperLeaders([words('a', -3), words('b', -2.5)])[column('lmb_ppl')], { best: 1, second: null });
});
