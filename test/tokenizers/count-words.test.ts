import test from 'ava';
import { WordCounter } from '../../src/tokenizers/count-words.js';
import { splitWords } from '../../src/tokenizers/gpt2-split.js';
import { UserError } from '../../src/user-error.js';
import { seededNumbers } from '../seeded-numbers.js';

const END = '<|end|>';

function counts(documents: readonly (readonly string[])[], specials: readonly string[] = []) {
  const counter = new WordCounter(specials);
  for (const pieces of documents) {
    for (const piece of pieces) counter.add(piece, 'corpus.txt');
    counter.endDocument();
  }
  return Object.fromEntries(counter.counts);
}

test('words are counted over documents, and none goes from one document into the next', (t) => {
  t.deepEqual(counts([['a bell', ' a bel'], ['l bell']]), { a: 1, ' bell': 2, ' a': 1, ' bel': 1, l: 1 });
});

test('wherever a document is cut into pieces, its words are the same', (t) => {
  const random = seededNumbers(3);
  const parts = ['bell', 'é', ' ', '  ', '\n', '\u0085', '\u00a0', '12', "'s", "'", '!', '\u{1f514}', END, '<', '|'];
  for (let round = 0; round < 200; round++) {
    const text = Array.from({ length: 30 }, () => parts[Math.floor(random() * parts.length)]!).join('');
    const cuts = Array.from({ length: 4 }, () => Math.floor(random() * text.length)).sort((a, b) => a - b);
    const pieces = [0, ...cuts].map((start, k) => text.slice(start, [...cuts, text.length][k]));
    t.deepEqual(counts([pieces], [END]), counts([[text]], [END]), JSON.stringify(text));
  }
});

test('a special token is no word, and the text beside it is cut without it', (t) => {
  t.deepEqual(counts([[`bell${END} bell${END}${END}`]], [END, '<']), { bell: 1, ' bell': 1 });
});

test('a long word is counted as any other', (t) => {
  const word = 'thunderousness'.repeat(9);
  t.deepEqual(counts([[`${word} ${word} ${word}`]]), { [word]: 1, [` ${word}`]: 2 });
});

test('a text that no white space parts is an error that names the place', (t) => {
  const counter = new WordCounter([]);
  const error = t.throws(
    () => {
      for (let i = 0; i < 20; i++) counter.add('x'.repeat(2 ** 16), 'genome.txt');
    },
    { instanceOf: UserError },
  );
  t.is(error?.kind, 'data');
  t.is(error?.message, 'genome.txt has more than 1,048,576 characters in a row that no white space parts');
});

test('a word of the longest length is cut from a text', (t) => {
  t.is(splitWords('x'.repeat(2 ** 20)).length, 1);
});
