import test from 'ava';
import { listTasks, resolveTasks, taskGroups } from '../../src/tasks/registry.js';
import { UserError } from '../../src/user-error.js';

const resolve = async (...names: string[]) => (await resolveTasks(names)).map((task) => task.name);

const averaged = [
  'lambada_openai',
  'piqa',
  'hellaswag',
  'winogrande',
  'arc_easy',
  'arc_challenge',
  'social_iqa',
  'boolq',
];

test('a task is found by its name and by its aliases', async (t) => {
  for (const task of await listTasks())
    for (const name of [task.name, ...task.aliases]) t.deepEqual(await resolve(name), [task.name]);
  t.deepEqual(await resolve('siqa', 'lambada', 'arc-e', 'arc-c'), [
    'social_iqa',
    'lambada_openai',
    'arc_easy',
    'arc_challenge',
  ]);
});

test('no name means two things', async (t) => {
  const names = (await listTasks()).flatMap((task) => [task.name, ...task.aliases]);
  names.push(...taskGroups.map((group) => group.name));
  t.is(new Set(names).size, names.length);
});

test('commas, groups and patterns expand in place and each task comes once', async (t) => {
  t.deepEqual(await resolve('boolq, piqa', 'boolq'), ['boolq', 'piqa']);
  t.deepEqual(await resolve('arc_*'), ['arc_easy', 'arc_challenge']);
  t.deepEqual(await resolve('?iqa'), ['piqa']);
  t.deepEqual(await resolve('commonsense'), averaged);
  t.deepEqual(await resolve('paper'), ['wikitext', ...averaged]);
  t.deepEqual(await resolve('boolq,commonsense'), ['boolq', ...averaged.slice(0, -1)]);
});

test('the embedded suite is nine tasks in the order of the columns, then recall by distance', async (t) => {
  const suite = await resolve('mini');
  t.deepEqual(suite.slice(0, 9), ['mini_wikitext', ...averaged.map((name) => `mini_${name.replace('_openai', '')}`)]);
  t.deepEqual(suite.slice(9), [...(await resolve('mini_needle')), ...(await resolve('mini_mqar'))]);
  t.deepEqual(suite.slice(1, 9), await resolve('mini_commonsense'));
  for (const task of await listTasks())
    if (task.recall !== undefined) t.true(task.name.endsWith(String(task.recall.distance)), task.name);
});

test('an unknown name is a usage error that says which one was meant', async (t) => {
  const refusal = (name: string) => t.throwsAsync(resolveTasks([name]), { instanceOf: UserError });
  const mistyped = await refusal('piqa,helaswag');
  t.is(mistyped?.kind, 'usage');
  t.is(mistyped?.message, 'unknown task "helaswag"; did you mean "hellaswag"?');
  t.is((await refusal('comonsense'))?.message, 'unknown task "comonsense"; did you mean "commonsense"?');
  t.is((await refusal('gsm8k'))?.message, 'unknown task "gsm8k"');
  t.is((await refusal('gsm_*'))?.message, 'no task matches "gsm_*"');
  t.is((await refusal(' ,'))?.message, 'no task is named');
  t.is((await refusal('constructor'))?.kind, 'usage');
});

test("the paper's columns are filled, each by one task that reports the metric", async (t) => {
  const columns = (await listTasks()).flatMap((task) =>
    task.paperColumns
      .filter(({ suite }) => suite === undefined)
      .map((column) => {
        t.true(task.metrics.includes(column.metric));
        return { ...column, task: task.name };
      }),
  );
  const titles = columns.sort((a, b) => a.order - b.order).map((column) => column.title);
  t.deepEqual(titles, ['Wiki ppl', 'LMB ppl', 'LMB acc', 'PIQA', 'Hella', 'Wino', 'ARC-e', 'ARC-c', 'SIQA', 'BoolQ']);
  t.deepEqual(
    columns.map((column) => column.order),
    titles.map((_, order) => order),
  );
  t.deepEqual(
    columns.filter((column) => column.averaged).map((column) => column.task),
    averaged,
  );
});
