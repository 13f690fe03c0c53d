import test from 'ava';
import arcEasy from '../../tasks/arc_easy/task.js';
import wikitext from '../../tasks/wikitext/task.js';
import { requestsDigest } from '../../src/tasks/requests-digest.js';
import type { Task } from '../../src/tasks/task.js';

const question = {
  id: 'one',
  question: 'What is ice made of?',
  choices: { text: ['water', 'sand', 'iron'], label: ['A', 'B', 'C'] },
  answerKey: 'A',
};

function digest(task: Task, ...rows: unknown[]): string {
  return requestsDigest(rows.map((row, index) => task.document(row, index, `rows:${index + 1}`)));
}

test('labels 1-4 give the same digest as labels A-E', (t) => {
  const numbered = { ...question, choices: { ...question.choices, label: ['1', '2', '3'] }, answerKey: '1' };
  t.is(digest(arcEasy, numbered), digest(arcEasy, question));
});

test('columns that no request uses, and the order of columns, do not matter', (t) => {
  const { id, ...rest } = question;
  t.is(digest(arcEasy, { ...rest, grade: 3, id: `${id}, again` }), digest(arcEasy, question));
});

test('a prompt, a continuation, a gold answer, a choice less and the order of documents each change the digest', (t) => {
  const other = { ...question, question: 'What is snow made of?' };
  const variants = [
    digest(arcEasy, question),
    digest(arcEasy, other),
    digest(arcEasy, { ...question, choices: { ...question.choices, text: ['water', 'sand', 'tin'] } }),
    digest(arcEasy, { ...question, answerKey: 'B' }),
    digest(arcEasy, { ...question, choices: { text: ['water', 'sand'], label: ['A', 'B'] } }),
    digest(arcEasy, question, other),
    digest(arcEasy, other, question),
    digest(arcEasy),
  ];
  t.is(new Set(variants).size, variants.length);
});

test('a text that is scored alike but weighed otherwise changes the digest', (t) => {
  t.not(digest(wikitext, { page: 'one , two' }), digest(wikitext, { page: 'one, two' }));
});
