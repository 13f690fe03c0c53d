import test from 'ava';
import { capitalize, splitWhitespace, strip } from '../../src/tasks/python-text.js';
import { golden } from './golden.js';

test("capitalize gives what Python's str.capitalize gives", (t) => {
  for (const { input, output } of golden.capitalize) t.is(capitalize(input), output);
});

test('letters whose title case is not their upper case become what Unicode lists', (t) => {
  // Values from CPython 3.11.
  const titles = { ǆ: 'ǅ', Ǆ: 'ǅ', ŉ: 'ʼN', ა: 'ა', ᾳ: 'ᾼ', ᾷ: '\u0391\u0342\u0345', ᾲ: '\u1fba\u0345', ﬃ: 'Ffi' };
  for (const [letter, title] of Object.entries(titles)) t.is(capitalize(letter), title);
});

test('white space is what Python counts as such', (t) => {
  const white = '\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000';
  t.is(strip(`${white}a b${white}`), 'a b');
  for (const character of white) t.deepEqual(splitWhitespace(`a${character}b`), ['a', 'b']);
  for (const character of '\u180e\u200b\ufeff') t.is(strip(character), character);
});

test('a split on white space keeps the empty fields at both ends', (t) => {
  t.deepEqual(splitWhitespace(' a  b\n'), ['', 'a', 'b', '']);
  t.deepEqual(splitWhitespace(''), ['']);
});
