import test from 'ava';
import { lastCut, splitWords } from '../../src/tokenizers/gpt2-split.js';

test('a text is cut into words with the space before them, numbers, marks and English endings', (t) => {
  t.deepEqual(splitWords("The bell's 12 sacks, don't!?"), [
    'The',
    ' bell',
    "'s",
    ' 12',
    ' sacks',
    ',',
    ' don',
    "'t",
    '!?',
  ]);
});

test('of several white spaces the last one goes with the word', (t) => {
  t.deepEqual(splitWords('a   b\n\n'), ['a', '  ', ' b', '\n\n']);
});

test("white space is Unicode's: the next line U+0085 is one, the byte order mark is none", (t) => {
  t.deepEqual(splitWords('a\u0085\u0085b\ufeffc'), ['a', '\u0085', '\u0085', 'b', '\ufeff', 'c']);
});

test('no character of a text is lost, even half of a surrogate pair', (t) => {
  for (const text of ['', ' ', 'é\u0301 \ud83d\udd14 \ud83d x\udd14', '\0\u00ad\u2009'])
    t.is(splitWords(text).join(''), text);
});

test('the last cut is before the last white space that follows a word, and at 0 where there is none', (t) => {
  t.is(lastCut('one two  th'), 7);
  t.is(lastCut('one two  '), 7);
  t.is(lastCut('one'), 0);
  t.is(lastCut('  one'), 0);
});
