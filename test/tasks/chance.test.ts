import test from 'ava';
import { chance, majority } from '../../src/tasks/chance.js';
import type { Document } from '../../src/tasks/task.js';

function documents(...questions: [choices: number, gold: number][]): Document[] {
  return questions.map(([choices, gold], index) => ({
    kind: 'multiple-choice',
    index,
    row: {},
    requests: [],
    choices: Array.from({ length: choices }, (_, k) => `choice ${k}`),
    gold,
    target: gold,
  }));
}

const passage: Document = { kind: 'loglikelihood', index: 0, row: {}, requests: [], target: ' word' };

test('chance is the mean of one over the number of choices', (t) => {
  t.is(chance(documents([2, 0], [4, 3])), 0.375);
});

test('majority is the share of the most frequent right answer', (t) => {
  t.is(majority(documents([4, 3], [4, 1], [4, 3], [2, 0])), 0.5);
});

test('neither is defined without choices or without documents', (t) => {
  for (const rate of [chance, majority]) {
    t.is(rate([passage]), null);
    t.is(rate([]), null);
  }
});
