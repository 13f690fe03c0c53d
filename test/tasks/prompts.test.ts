// Prompts of the tasks whose rows are rendered without preprocessing, against lm-eval's own rendering of its templates.
import test from 'ava';
import arcEasy from '../../tasks/arc_easy/task.js';
import arcChallenge from '../../tasks/arc_challenge/task.js';
import boolq from '../../tasks/boolq/task.js';
import lambadaOpenai from '../../tasks/lambada_openai/task.js';
import lambadaStandard from '../../tasks/lambada_standard/task.js';
import piqa from '../../tasks/piqa/task.js';
import socialIqa from '../../tasks/social_iqa/task.js';
import winogrande from '../../tasks/winogrande/task.js';
import type { Document, Task } from '../../src/tasks/task.js';
import { UserError } from '../../src/user-error.js';
import { golden } from './golden.js';

const rendered = (template: string) => golden.jinja.find(({ t }) => t === template)!.out;

const render = (task: Task, row: unknown) => task.document(row, 0, 'row:1');

function pairs(document: Document): [context: string, continuation: string][] {
  return document.requests.map((request) => {
    if (request.kind !== 'loglikelihood') throw new Error('a rolling request has no continuation');
    return [request.context, request.continuation];
  });
}

/** As Python prints a list of strings. */
function pythonList(texts: string[]): string {
  const quoted = texts.map((text) => (text.includes("'") ? `"${text}"` : `'${text}'`).replaceAll('\n', '\\n'));
  return `[${quoted.join(', ')}]`;
}

test('LAMBADA asks for what follows the last space and keeps double spaces', (t) => {
  for (const task of [lambadaOpenai, lambadaStandard]) {
    const document = render(task, { text: 'He said  hello to Bob' });
    t.deepEqual(pairs(document), [[rendered('lambada ctx'), rendered('lambada tgt')]]);
    t.is(document.target, ' Bob');
  }
});

test('BoolQ adds the question mark and asks no, then yes', (t) => {
  const document = render(boolq, { passage: 'P.', question: 'is x y', label: 1 });
  t.deepEqual(pairs(document), [
    [rendered('boolq'), ' no'],
    [rendered('boolq'), ' yes'],
  ]);
  t.is(document.target, 1);
});

test('Social IQa puts situation and question on one line and counts labels from 1', (t) => {
  const row = { context: 'C.', question: 'Why?', answerA: 'a', answerB: 'b', answerC: 'c', label: '3' };
  const document = render(socialIqa, row);
  t.deepEqual(
    pairs(document),
    [' a', ' b', ' c'].map((continuation) => [rendered('siqa'), continuation]),
  );
  t.is(document.target, 2);
});

test('PIQA keeps a line end at the end of a goal', (t) => {
  const document = render(piqa, { goal: 'To boil eggs\n', sol1: 'one', sol2: 'two', label: 0 });
  t.deepEqual(pairs(document), [
    [rendered('piqa'), ' one'],
    [rendered('piqa'), ' two'],
  ]);
});

test('ARC takes the texts of its choices as they are, and finds the right one by its label', (t) => {
  const texts = ["it's a", '"b"\n', 'c'];
  t.is(pythonList(texts), rendered('arc choices'));
  const row = { question: 'Which?', choices: { text: texts, label: ['1', '2', '3'] }, answerKey: '2' };
  for (const task of [arcEasy, arcChallenge]) {
    const document = render(task, row);
    t.deepEqual(
      pairs(document),
      texts.map((text) => ['Question: Which?\nAnswer:', ` ${text}`]),
    );
    t.is(document.target, 1);
  }
});

test('WinoGrande scores the rest of the sentence after each of the two nouns', (t) => {
  const document = render(winogrande, golden.winogrande.doc);
  t.deepEqual(
    pairs(document),
    golden.winogrande.contexts.map((context) => [context, ` ${golden.winogrande.target}`]),
  );
  t.is(document.target, golden.winogrande.target);
  t.like(document, { gold: golden.winogrande.gold });
});

test('rows that no question can be made of are refused with the field that is wrong', (t) => {
  const refusal = (task: Task, row: unknown) => t.throws(() => render(task, row), { instanceOf: UserError }).message;
  const choices = { text: ['a', 'b'], label: ['A', 'B'] };
  t.regex(refusal(arcEasy, { question: 'Q', choices, answerKey: 'C' }), /"answerKey" is wrong/);
  t.regex(
    refusal(arcEasy, { question: 'Q', choices: { ...choices, label: ['A'] }, answerKey: 'A' }),
    /"choices.label" is wrong/,
  );
  t.regex(refusal(winogrande, { ...golden.winogrande.doc, sentence: 'No blank.' }), /"sentence" is wrong/);
  t.regex(refusal(piqa, { goal: 'g', sol1: 'a', sol2: 'b', label: -1 }), /"label" is wrong/);
  t.regex(refusal(lambadaOpenai, { text: '' }), /"text" is wrong/);
});
