import test from 'ava';
import { sanitizeModelName } from '../../src/evaluate/run-directory.js';
import { lmEvalResults } from '../../src/report/lm-eval-json.js';
import { accuracy, exampleRun, exampleTask, paperTasks } from './example-run.js';

const RIGHT = [60, 130, 78, 101, 110, 52, 75, 120];

test("a task's results stand under lm-eval's keys", (t) => {
  const metric = accuracy('acc', 130, 200);
  const { results, versions, ...rest } = lmEvalResults(exampleRun('swat:tiny', [exampleTask('piqa', [metric])]), {
    piqa: 'f0'.repeat(32),
  });
  t.deepEqual(results.piqa, {
    alias: 'piqa',
    name: 'piqa',
    sample_len: 200,
    'acc,none': 0.65,
    'acc_stderr,none': metric.stderr,
  });
  t.deepEqual(versions, { piqa: 1 });
  t.deepEqual(rest['n-shot'], { piqa: 0 });
  t.deepEqual(rest['n-samples'], { piqa: { original: 200, effective: 200 } });
  t.deepEqual(rest.higher_is_better, { piqa: { acc: true } });
  t.deepEqual(rest.group_subtasks, { piqa: [] });
  t.deepEqual(rest.task_hashes, { piqa: 'f0'.repeat(32) });
  t.is(rest.total_evaluation_time_seconds, '20.5');
  t.is(rest.model_name_sanitized, 'swat__tiny,seed=1');
});

test('the scored split stands under its own key of the task config', (t) => {
  const tasks = [exampleTask('piqa', []), exampleTask('arc_easy', [], { split: 'test' })];
  const { configs } = lmEvalResults(exampleRun('swat:tiny', tasks), {});
  t.is(configs.piqa!.validation_split, 'validation');
  t.is(configs.arc_easy!.test_split, 'test');
  t.false('validation_split' in configs.arc_easy!);
});

test('the eight tasks make the group commonsense, weighted as lm-eval does and unweighted as the paper does', (t) => {
  const { results, groups, group_subtasks } = lmEvalResults(exampleRun('swat:tiny', paperTasks(RIGHT)), {});
  const shares = RIGHT.map((right) => right / 200);
  t.is(group_subtasks.commonsense!.length, 8);
  t.deepEqual(results.commonsense, groups!.commonsense);
  t.true(Math.abs((groups!.commonsense!['paper_average,none'] as number) - shares.reduce((a, b) => a + b) / 8) < 1e-12);
  t.true(Math.abs((groups!.commonsense!['acc_norm,none'] as number) - (shares[2]! + shares[5]!) / 2) < 1e-12);
});

test('without all eight there is no group', (t) => {
  const { groups, group_subtasks } = lmEvalResults(exampleRun('swat:tiny', paperTasks(RIGHT).slice(0, 8)), {});
  t.is(groups, undefined);
  t.false('commonsense' in group_subtasks);
});

test("an overflowed value is null, an undefined standard error lm-eval's N/A", (t) => {
  const metric = { name: 'perplexity', value: Infinity, stderr: null, interval: null, higherIsBetter: false } as const;
  const { results } = lmEvalResults(exampleRun('swat:tiny', [exampleTask('lambada_openai', [metric])]), {});
  t.is(results.lambada_openai!['perplexity,none'], null);
  t.is(results.lambada_openai!['perplexity_stderr,none'], 'N/A');
});

test("a model's name becomes a file name as lm-eval makes it one", (t) => {
  t.is(sanitizeModelName('a/b:c?*d[1]'), 'a__b__c__d__1__');
});
