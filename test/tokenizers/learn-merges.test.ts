import test from 'ava';
import { learnMerges } from '../../src/tokenizers/learn-merges.js';
import { seededNumbers } from '../seeded-numbers.js';

type Words = readonly { readonly ids: readonly number[]; readonly count: number }[];

/** `{ abab: 3 }` with ids by the alphabet. */
const wordsOf = (alphabet: string, counts: Readonly<Record<string, number>>): Words =>
  Object.entries(counts).map(([word, count]) => ({ ids: [...word].map((c) => alphabet.indexOf(c)), count }));

const learn = (alphabet: string, counts: Readonly<Record<string, number>>, size = 100) =>
  learnMerges(wordsOf(alphabet, counts), [...alphabet], size);

test('the most frequent pair merges first, with what it makes counted anew', (t) => {
  // ab 5, bc 3; then abc 3.
  t.deepEqual(learn('abc', { ab: 2, abc: 3 }).merges, [
    ['a', 'b'],
    ['ab', 'c'],
  ]);
});

test('of equally frequent pairs the lower left id comes first, then the lower right id', (t) => {
  const { merges } = learn('abcd', { dc: 2, bd: 2, bc: 2, ad: 2 });
  t.deepEqual(merges, [
    ['a', 'd'],
    ['b', 'c'],
    ['b', 'd'],
    ['d', 'c'],
  ]);
});

test('a pair that occurs once does not merge', (t) => {
  t.deepEqual(learn('ab', { ab: 1 }), { tokens: ['a', 'b'], merges: [] });
});

test('in a run of one token, pairs merge from the left', (t) => {
  t.deepEqual(learn('a', { aaaaa: 2 }).merges, [
    ['a', 'a'],
    ['aa', 'a'],
    ['aa', 'aaa'],
  ]);
});

test('the vocabulary ends at its size', (t) => {
  const { tokens, merges } = learn('abc', { ab: 9, abc: 3 }, 4);
  t.deepEqual(tokens, ['a', 'b', 'c', 'ab']);
  t.is(merges.length, 1);
});

test('every new token is told of', (t) => {
  let told = 0;
  const { tokens } = learnMerges(wordsOf('ab', { abab: 2 }), ['a', 'b'], 9, () => told++);
  t.is(told, tokens.length - 2);
});

/** The same by counting all pairs before every merge. */
function learnByRecounting(words: Words, alphabet: readonly string[], size: number) {
  const tokens = [...alphabet];
  const corpus = words.map(({ ids, count }) => ({ ids: [...ids], count }));
  const merges: [string, string][] = [];
  while (tokens.length < size) {
    const counts = new Map<string, number>();
    for (const { ids, count } of corpus)
      for (let i = 1; i < ids.length; i++) {
        const key = `${ids[i - 1]} ${ids[i]}`;
        counts.set(key, (counts.get(key) ?? 0) + count);
      }
    const [best] = [...counts]
      .filter(([, count]) => count >= 2)
      .map(([key, count]) => [-count, ...key.split(' ').map(Number)] as [number, number, number])
      .sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
    if (best === undefined) break;
    const [, left, right] = best;
    merges.push([tokens[left]!, tokens[right]!]);
    const id = tokens.push(merges.at(-1)!.join('')) - 1;
    for (const { ids } of corpus)
      for (let i = 0; i + 1 < ids.length; i++) if (ids[i] === left && ids[i + 1] === right) ids.splice(i, 2, id);
  }
  return { tokens, merges };
}

test('merges are those that counting all pairs before each of them gives', (t) => {
  const random = seededNumbers(7);
  for (let round = 0; round < 300; round++) {
    const alphabet = 'abc'.slice(0, 1 + (round % 3));
    const counts: Record<string, number> = {};
    for (let word = 0; word < 8; word++) {
      const length = 2 + Math.floor(random() * 14);
      const text = Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join('');
      counts[text] = 1 + Math.floor(random() * 4);
    }
    const words = wordsOf(alphabet, counts);
    const learnt = learnMerges(words, [...alphabet], 40);
    t.deepEqual(learnt, learnByRecounting(words, [...alphabet], 40));
    t.is(new Set(learnt.tokens).size, learnt.tokens.length);
  }
});
