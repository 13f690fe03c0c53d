// The real benchmark files load whole, as lm-eval counts them.
import test from 'ava';
import { loadTask } from '../../src/data/load-task.js';
import { resolveTasks } from '../../src/tasks/registry.js';
import { UserError } from '../../src/user-error.js';
import { storedTasks } from '../tasks/read-documents.js';
import { needsShared } from '../shared.js';

test('every task but HellaSwag loads whole, with the digest that its definition names', async (t) => {
  const directory = needsShared(t, 'data');
  if (directory === null) return;
  const tasks = (await storedTasks()).filter(({ dataset }) => dataset.partialFile === undefined);
  t.is(tasks.length, 9);
  for (const task of tasks) {
    const loaded = await loadTask(task, { kind: 'directory', path: directory }, { allowPartial: false });
    t.is(loaded.label, null, task.name);
    t.is(loaded.documents.length, task.dataset.rows, task.name);
    t.is(task.dataset.digest, loaded.digest, task.name);
  }
});

test('HellaSwag, of which a part is there, loads with --allow-partial only', async (t) => {
  const directory = needsShared(t, 'data');
  if (directory === null) return;
  const [hellaswag] = await resolveTasks(['hellaswag']);
  const source = { kind: 'directory', path: directory } as const;
  await t.throwsAsync(loadTask(hellaswag!, source, { allowPartial: false }), { instanceOf: UserError });
  const loaded = await loadTask(hellaswag!, source, { allowPartial: true });
  t.is(loaded.documents.length, 3243);
  t.is(loaded.label, 'partial');
});

test("the package's own sentences load for every task, labelled", async (t) => {
  for (const task of await storedTasks()) {
    const loaded = await loadTask(task, { kind: 'fixtures' }, { allowPartial: false });
    t.is(loaded.label, 'fixtures', task.name);
    t.regex(loaded.origin, /^tasks\/\w+\/fixture\.(jsonl|txt)$/);
    t.true(loaded.documents.length > 0, task.name);
  }
});
