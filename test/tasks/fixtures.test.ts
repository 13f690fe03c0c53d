import { readdirSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { packageRoot } from '../../src/package-root.js';
import { fixtureFile } from '../../src/tasks/fixture-file.js';
import { readDocuments, storedTasks } from './read-documents.js';

for (const task of await storedTasks()) {
  test(`the fixture of ${task.name} renders`, (t) => {
    const documents = readDocuments(task, fixtureFile(task));
    t.is(documents.length, task.name === 'wikitext' ? 3 : 12);
    const distinct = new Set(documents.map((document) => JSON.stringify(document.requests)));
    t.is(distinct.size, documents.length);
  });

  if (task.kind === 'multiple-choice')
    test(`each position is the right one as often as any other in the fixture of ${task.name}`, (t) => {
      const counts = new Map<number, number>();
      for (const document of readDocuments(task, fixtureFile(task))) {
        if (document.kind !== 'multiple-choice') throw new Error('a document is not of its task');
        counts.set(document.gold, (counts.get(document.gold) ?? 0) + 1);
      }
      t.is(new Set(counts.values()).size, 1);
    });
}

test('each task has its folder, and the embedded suite has one', async (t) => {
  const folders = readdirSync(path.join(packageRoot, 'tasks')).filter((folder) => folder !== 'mini');
  t.deepEqual(folders.sort(), (await storedTasks()).map((task) => task.name).sort());
});

test('the last word of a LAMBADA fixture stands earlier in its passage', async (t) => {
  for (const task of (await storedTasks()).filter((task) => task.kind === 'loglikelihood'))
    for (const { requests, target } of readDocuments(task, fixtureFile(task))) {
      const [request] = requests;
      t.true(request?.kind === 'loglikelihood' && request.context.includes(String(target).trim()));
    }
});
