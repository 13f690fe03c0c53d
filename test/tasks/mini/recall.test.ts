// The recall probes separate what they are made to separate: who reads the whole text knows the answer, and nothing but the told
// pair tells it.
import test from 'ava';
import { NgramModel } from '../../../src/evaluate/ngram/ngram-model.js';
import { ngramScorer } from '../../../src/evaluate/ngram/ngram-scorer.js';
import { plainBatch } from '../../../src/evaluate/scorer.js';
import type { Document } from '../../../src/tasks/task.js';
import { tasks } from '../../../tasks/mini/recall-tasks.js';
import { someText, wordsOf } from './words.js';

type Asked = Extract<Document, { kind: 'multiple-choice' }>;

const probes = tasks.map((task) => {
  if (!('generate' in task.dataset) || task.recall === undefined) throw new Error(`${task.name} is no probe`);
  const documents = Array.from(task.dataset.generate(), (row, k) => task.document(row, k, '') as Asked);
  return { ...task.recall, name: task.name, documents };
});

const contextOf = ({ requests }: Asked): string => (requests[0] as { context: string }).context;

/** Answers from the last `window` words of the context alone: the choice told of the key, else the first that is told, else the first. */
function oracle(document: Asked, window: number): number {
  const words = wordsOf(contextOf(document)).slice(-window);
  const key = words.at(-1);
  const before = words.slice(0, -1);
  const { choices } = document;
  const told = choices.findIndex((choice) => before.some((word, k) => word === key && before[k + 1] === choice));
  return told >= 0
    ? told
    : Math.max(
        0,
        choices.findIndex((choice) => before.includes(choice)),
      );
}

function accuracy(documents: readonly Asked[], answer: (document: Asked) => number): number {
  return documents.filter((document) => answer(document) === document.gold).length / documents.length;
}

test('a reader of the whole text is always right', (t) => {
  for (const { name, documents } of probes)
    t.is(
      accuracy(documents, (document) => oracle(document, Infinity)),
      1,
      name,
    );
});

test('a reader of the last words is at chance one word short of the distance', (t) => {
  for (const { name, documents, distance } of probes)
    t.is(
      accuracy(documents, (document) => oracle(document, distance - 1)),
      0.25,
      name,
    );
});

test('the nearest told value is exactly as far away as the task says', (t) => {
  for (const { documents, distance, name } of probes)
    for (const document of documents) {
      const words = wordsOf(contextOf(document));
      const nearest = Math.max(...document.choices.map((choice) => words.lastIndexOf(choice)));
      const asked = words.length; // where the answer would stand
      t.true(asked - nearest >= distance, name);
    }
  for (const { documents, distance, name, pairs } of probes.filter(({ pairs }) => pairs === 4))
    for (const document of documents) {
      const words = wordsOf(contextOf(document));
      t.is(
        words.length - Math.max(...document.choices.map((choice) => words.lastIndexOf(choice))),
        distance,
        `${name} ${pairs}`,
      );
    }
});

const all = probes.flatMap(({ documents }) => documents);
/** Three standard errors of a guess. */
const SLACK = 3 * Math.sqrt((0.25 * 0.75) / all.length);

const guesses: [string, (document: Asked) => number][] = [
  ['the first told', (document) => extreme(document, (at, best) => at < best)],
  ['the last told', (document) => extreme(document, (at, best) => at > best)],
  ['the most frequent in training text', (document) => frequent(document)],
  ['always the same choice', () => 2],
];

for (const [name, guess] of guesses)
  test(`guessing by ${name} is at chance`, (t) => {
    const right = accuracy(all, guess);
    t.true(Math.abs(right - 0.25) < SLACK, `${right}`);
  });

function extreme(document: Asked, better: (at: number, best: number) => boolean): number {
  const words = wordsOf(contextOf(document));
  const places = document.choices.map((choice) => words.indexOf(choice));
  return places.reduce((best, at, k) => (better(at, places[best]!) ? k : best), 0);
}

const training = someText(150_000).map(wordsOf);
const counts = new Map<string, number>();
for (const word of training.flat()) counts.set(word, (counts.get(word) ?? 0) + 1);

function frequent({ choices }: Asked): number {
  return choices.reduce((best, choice, k) => (counts.get(choice)! > counts.get(choices[best]!)! ? k : best), 0);
}

test('an n-gram model of the training text is at chance', async (t) => {
  const ids = new Map([...counts.keys()].map((word, id) => [word, id]));
  const model = new NgramModel(
    training.flat().map((word) => ids.get(word)!),
    5,
    ids.size,
  );
  const scorer = ngramScorer(model, 10_000);
  const rows = all.map((document) => ({
    input: wordsOf(contextOf(document)).map((word) => ids.get(word)!),
    queries: document.choices.map((choice) => ({ targets: [ids.get(choice)!] })),
  }));
  const scores = await scorer.score(plainBatch(rows));
  const right = all.filter(({ gold }, k) => {
    const logprobs = scores[k]!.map(({ logprob }) => logprob);
    return logprobs.indexOf(Math.max(...logprobs)) === gold;
  });
  t.true(Math.abs(right.length / all.length - 0.25) < SLACK, `${right.length / all.length}`);
});
