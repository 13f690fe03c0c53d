import test from 'ava';
import { z } from 'zod';
import { type ChoicesDefinition, defineTask } from '../../src/tasks/define-task.js';
import { UserError } from '../../src/user-error.js';

const row = z.object({ ask: z.string(), answers: z.array(z.string()), right: z.number() });

const quiz: ChoicesDefinition<z.infer<typeof row>> = {
  name: 'quiz',
  version: '1.0',
  kind: 'multiple-choice',
  description: 'a quiz',
  dataset: { file: 'quiz.jsonl', hub: 'someone/quiz', split: 'test', rows: 1, digest: null },
  row,
  context: ({ ask }) => `Q: ${ask}\nA:`,
  choices: ({ answers }) => answers,
  gold: ({ right }) => right,
  metrics: ['acc'],
};

const sky = { ask: 'Sky?', answers: ['red', 'blue'], right: 1 };

test('a choice is asked for after one space, and is itself without it', (t) => {
  const document = defineTask(quiz).document(sky, 3, 'quiz.jsonl:4');
  t.deepEqual(document, {
    kind: 'multiple-choice',
    index: 3,
    row: sky,
    requests: [
      { kind: 'loglikelihood', context: 'Q: Sky?\nA:', continuation: ' red' },
      { kind: 'loglikelihood', context: 'Q: Sky?\nA:', continuation: ' blue' },
    ],
    choices: ['red', 'blue'],
    gold: 1,
    target: 1,
  });
});

test('a definition may name another delimiter', (t) => {
  const document = defineTask({ ...quiz, delimiter: '' }).document(sky, 0, 'quiz.jsonl:1');
  t.deepEqual(
    document.requests.map((request) => request.kind === 'loglikelihood' && request.continuation),
    ['red', 'blue'],
  );
});

test('columns that the schema does not name stay in the row, in their order, before the added ones', (t) => {
  const source = { id: 7, ...sky, source: 'primer' };
  const task = defineTask({ ...quiz, addedColumns: ({ ask }) => ({ query: ask }) });
  t.deepEqual(Object.entries(task.document(source, 0, 'quiz.jsonl:1').row), [
    ['id', 7],
    ['ask', 'Sky?'],
    ['answers', ['red', 'blue']],
    ['right', 1],
    ['source', 'primer'],
    ['query', 'Sky?'],
  ]);
});

test('a row with a missing or wrong field is refused with file, line and field', (t) => {
  const refusal = (source: unknown) => {
    const error = t.throws(() => defineTask(quiz).document(source, 16, 'quiz.jsonl:17'), { instanceOf: UserError });
    t.is(error.kind, 'data');
    t.is(error.where, 'quiz.jsonl:17');
    t.regex(error.hint!, /swat-eval data pull quiz/);
    return error.message;
  };
  t.is(refusal({ ask: 'Sky?', right: 1 }), 'a row of quiz is malformed: "answers" is missing');
  t.regex(refusal({ ...sky, answers: ['red', 5] }), /"answers\.1" is wrong \(.*expected string, received number\)/);
  t.is(refusal('Sky?'), 'a row of quiz is malformed: it is not an object');
  t.is(refusal({ ...sky, right: 2 }), 'a row of quiz is malformed: its right answer is choice 2, counted from 0, of 2');
});
