import test from 'ava';
import { loadTask } from '../../../src/data/load-task.js';
import { resolveTasks } from '../../../src/tasks/registry.js';
import { UserError } from '../../../src/user-error.js';
import { unitsOf } from '../../../tasks/mini/text.js';
import { detokenize } from '../../../tasks/wikitext/detokenize.js';

const NOWHERE = { kind: 'directory', path: '/nowhere' } as const;
const STRICT = { allowPartial: false };

const mini = await resolveTasks(['mini']);
const loaded = await Promise.all(mini.map((task) => loadTask(task, NOWHERE, STRICT)));

test('every task has the rows and the digest that it names, without a file', (t) => {
  t.is(loaded.length, 9 + 8 + 13);
  for (const { task, label, documents, origin } of loaded) {
    t.is(label, null, task.name);
    t.is(documents.length, task.dataset.rows);
    t.not(task.dataset.digest, null);
    t.is(origin, 'tasks/mini, seed 1');
  }
});

test('rows are the same with --fixtures, and other rows than the pinned ones are an error', async (t) => {
  const [piqa] = await resolveTasks(['mini_piqa']);
  const { digest } = await loadTask(piqa!, { kind: 'fixtures' }, STRICT);
  t.is<string | null, string | null>(digest, piqa!.dataset.digest);
  const changed = { ...piqa!, dataset: { ...piqa!.dataset, digest: '0'.repeat(64) } };
  await t.throwsAsync(loadTask(changed, NOWHERE, STRICT), {
    instanceOf: UserError,
    message: /tasks\/mini, seed 1 gives requests with digest/,
  });
  t.is((await loadTask(changed, NOWHERE, { allowPartial: true })).label, 'partial');
});

test('the nine have the prompts, metrics and columns of the benchmarks they are named after', async (t) => {
  for (const task of mini.filter(({ recall }) => recall === undefined)) {
    const [real] = await resolveTasks([task.name.replace('mini_', '')]);
    t.is(task.kind, real!.kind);
    t.deepEqual(task.metrics, real!.metrics);
    t.deepEqual(task.paperColumns.map((column) => ({ ...column, suite: undefined })), real!.paperColumns.map((column) => ({ ...column, suite: undefined }))); // prettier-ignore
    t.true(task.paperColumns.every(({ suite }) => suite === 'mini'));
  }
});

test('each position is right equally often, among the first dozen as in the whole', (t) => {
  for (const { task, documents } of loaded) {
    if (task.kind !== 'multiple-choice') continue;
    for (const rows of [documents.slice(0, 12), documents]) {
      const counts = new Map<number, number>();
      for (const document of rows)
        if (document.kind === 'multiple-choice') counts.set(document.gold, (counts.get(document.gold) ?? 0) + 1);
      t.is(new Set(counts.values()).size, 1, task.name);
    }
  }
});

test('no two rows of a task ask the same', (t) => {
  for (const { task, documents } of loaded)
    t.is(new Set(documents.map(({ requests }) => JSON.stringify(requests))).size, documents.length, task.name);
});

test('choices are different from each other', (t) => {
  for (const { task, documents } of loaded)
    for (const { requests } of documents)
      t.is(new Set(requests.map((request) => JSON.stringify(request))).size, requests.length, task.name);
});

test('the last word of mini_lambada was told before, and not in the words right before', (t) => {
  const lambada = loaded.find(({ task }) => task.name === 'mini_lambada')!;
  for (const { row, target } of lambada.documents) {
    const words = (row.text as string).replaceAll('.', '').split(' ');
    const told = words.indexOf(String(target).trim());
    t.true(told >= 0 && told < words.length - 10, row.text as string);
  }
});

test('the stories of mini_wikitext are of lengths that double, and detokenising leaves them alone', (t) => {
  const wikitext = loaded.find(({ task }) => task.name === 'mini_wikitext')!;
  for (const [k, { row }] of wikitext.documents.entries()) {
    const page = row.page as string;
    t.is(detokenize(page), page);
    const units = 128 * 2 ** (k % 6);
    t.true(unitsOf(page) >= units && unitsOf(page) < 1.05 * units + 60);
  }
});
