// Training and test text never share a table of facts, whatever the seed and however much of either is written.
import test from 'ava';
import type { TextSplit } from '../../../src/tasks/text-generator.js';
import { tasks } from '../../../tasks/mini/tasks.js';
import { tasks as recallTasks } from '../../../tasks/mini/recall-tasks.js';
import { drawFacts, factTable } from '../../../tasks/mini/facts.js';
import { isTold, situations } from '../../../tasks/mini/lasting.js';
import { challengeQuestions, easyQuestions, goals } from '../../../tasks/mini/lasting-questions.js';
import { Random } from '../../../tasks/mini/random.js';
import { splitOf, tableOf } from '../../../tasks/mini/split.js';
import { THINGS } from '../../../tasks/mini/world.js';
import { someText } from './words.js';

const text = someText(400_000);
const held = someText(100_000, 1, 'validation');

/** Key-value pairs that a text tells in a list or in needles; null where it has neither. */
function pairTable(text: string): string | null {
  const list = /^Pairs: ([^.]*)\./.exec(text);
  if (list !== null) return tableOf(list[1]!.split(', '));
  const needles = new Set(
    Array.from(text.matchAll(/The sign calls (\w+) (\w+)\./g), ([, key, value]) => `${key} ${value}`),
  );
  return needles.size === 0 ? null : tableOf(needles);
}

const pairTables = (documents: readonly string[]) =>
  new Set(documents.map(pairTable).filter((table) => table !== null));

function disjoint(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return [...a].every((member) => !b.has(member));
}

test('the pairs of a document decide by their hash which side it is on', (t) => {
  const [train, validation] = [pairTables(text), pairTables(held)];
  t.true(train.size > 100 && validation.size > 30);
  for (const table of train) t.is(splitOf(table), 'train');
  for (const table of validation) t.is(splitOf(table), 'validation');
  t.true(disjoint(train, validation));
});

test('so do the pairs of every row of the recall tasks', (t) => {
  for (const task of recallTasks) {
    if (!('generate' in task.dataset)) throw new Error(`${task.name} is not generated`);
    for (const { context } of task.dataset.generate()) t.is(splitOf(pairTable(context as string)!), 'validation');
  }
});

test('stories of both sides are drawn from tables that no story of the other side can have', (t) => {
  const tables = (split: TextSplit) =>
    new Set(Array.from({ length: 600 }, (_, k) => factTable(drawFacts(new Random(k, split), split, 2, 1))));
  const [train, validation] = [tables('train'), tables('validation')];
  for (const table of train) t.is(splitOf(table), 'train');
  t.true(disjoint(train, validation));
});

test('no question of a test stands in training text, in the words that it is asked in', (t) => {
  const asked = new Set(
    text.flatMap((document) => Array.from(document.matchAll(/Question: (.*)\n/g), ([, question]) => question!)),
  );
  for (const questions of [easyQuestions, challengeQuestions, goals])
    t.deepEqual(
      questions().validation.filter(({ question }) => asked.has(question)),
      [],
    );
  t.true(asked.size > 300);
});

test('no row of a test stands in training text', (t) => {
  const training = text.join('\n\n');
  for (const task of tasks) {
    if (!('generate' in task.dataset)) throw new Error(`${task.name} is not generated`);
    for (const [k, row] of [...task.dataset.generate()].entries()) {
      const document = task.document(row, k, '');
      const request = document.requests[document.kind === 'multiple-choice' ? document.gold : 0]!;
      if (request.kind === 'loglikelihood')
        t.false(training.includes(request.context + request.continuation), task.name);
    }
  }
});

test('what becomes of a thing is left out of training text for one thing of each material in each situation', (t) => {
  for (const [situation, effects] of situations) {
    const untold = THINGS.filter((thing) => !isTold(thing, situation));
    t.deepEqual(untold.map(({ material }) => material).sort(), Object.keys(effects).sort());
    for (const { name, material } of untold)
      t.false(
        text.some((document) =>
          new RegExp(`${situation}[^.]* an? ${name} ${effects[material as 'iron']}\\b`, 'i').test(document),
        ),
      );
  }
});
