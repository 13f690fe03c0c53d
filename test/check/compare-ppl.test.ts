import test from 'ava';
import { comparePpls } from '../../src/check/compare-ppl.js';
import { examplePpl, noRoom, scored } from '../report/example-ppl.js';
import { UserError } from '../../src/user-error.js';

const a = examplePpl('a', (cell) => scored(cell, () => 5));
const b = examplePpl('b', (cell) => (cell.length === 8192 ? noRoom(cell) : scored(cell, () => 4.9)));

test('each length that both were measured at has a row: perplexities, and their difference in percent of the first', (t) => {
  const { rows } = comparePpls([a, b]);
  t.deepEqual(
    rows.map(({ task, documents, better }) => [task, documents, better]),
    ['128', '512', '2,048'].map((length) => [`book.txt at ${length}`, 16, 'b']),
  );
  const [{ firstValue, secondValue, difference }] = rows as [(typeof rows)[number]];
  t.true(Math.abs(firstValue - Math.exp(5)) < 1e-9 && Math.abs(secondValue - Math.exp(4.9)) < 1e-9);
  t.true(Math.abs(difference - 100 * Math.expm1(-0.1)) < 1e-9);
});

test('p is corrected over lengths and models', (t) => {
  const { rows } = comparePpls([a, b, examplePpl('c', (cell) => scored(cell, () => 5.1))]);
  t.is(rows.length, 3 + 4);
  t.true(rows.every(({ p, adjustedP }) => Math.abs(adjustedP - 7 * p) < 1e-12));
});

test('other texts, other tokenizers and no common length are refused', (t) => {
  const refused = (second: typeof a, message: RegExp) =>
    t.regex(t.throws(() => comparePpls([a, second]), { instanceOf: UserError }).message, message);
  refused({ ...b, text: { ...b.text, digest: '12'.repeat(32) } }, /differ in the text/);
  refused({ ...b, model: { ...b.model, tokenizerFingerprint: 'x' } }, /differ in the tokenizer/);
  refused({ ...b, text: { ...b.text, tokens: 9 } }, /differ in the tokens/);
  refused(examplePpl('b', noRoom), /no evaluation length in common/);
});
