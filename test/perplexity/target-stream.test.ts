import test from 'ava';
import type { EvalText } from '../../src/perplexity/eval-text.js';
import { encodeText, segmentsOf, unitsOf } from '../../src/perplexity/target-stream.js';
import { byteTokenizer, END_OF_TEXT } from '../../src/tokenizers/byte-tokenizer.js';
import { UserError } from '../../src/user-error.js';

const text = (...texts: string[]): EvalText => ({
  name: 'own',
  origin: 'own.txt',
  label: null,
  documents: texts.map((text) => ({ text, words: text.split(' ').length, bytes: Buffer.byteLength(text) })),
  endless: false,
});

const encode = (of: EvalText, limit: number | null = null) => encodeText(of, byteTokenizer, 257, limit);

test('every token of every document is a target, predicted from the token before it', (t) => {
  const { inputs, targets, bounds } = encode(text('ab', 'c d'));
  t.deepEqual([...targets], [...Buffer.from('abc d')]);
  t.deepEqual([...inputs], [END_OF_TEXT, 97, END_OF_TEXT, 99, 32]);
  t.deepEqual(bounds, [0, 2, 5]);
});

test('every length scores the same targets, each once, with as many tokens before them as the length allows', (t) => {
  const bounds = [0, 700, 1000, 1001, 2048];
  for (const length of [1, 7, 128, 300, 4096]) {
    const scored = segmentsOf({ bounds }, length).flatMap(({ start, end }) =>
      Array.from({ length: end - start }, (_, k) => start + k),
    );
    t.deepEqual(
      scored.sort((a, b) => a - b),
      Array.from({ length: 2048 }, (_, k) => k),
    );
    for (const { start, end } of segmentsOf({ bounds }, length)) {
      t.true(end - start <= length);
      t.false(
        bounds.some((bound) => start < bound && bound < end),
        'a segment lies in one document',
      );
    }
  }
});

test('a limit cuts the last document, and counts what is left of it', (t) => {
  const { targets, bounds, words, bytes } = encode(text('one two', 'three four five', 'six'), 13);
  t.is(targets.length, 13);
  t.deepEqual(bounds, [0, 7, 13]);
  t.is(words, 2 + 2);
  t.is(bytes, 13);
});

test('of a text without end a bounded part is read', (t) => {
  const documents = {
    *[Symbol.iterator]() {
      for (;;) yield { text: 'x'.repeat(1000), words: 1, bytes: 1000 };
    },
  };
  t.is(encode({ ...text(), documents, endless: true }).targets.length, 2 ** 17);
});

test('the digest tells texts and their division into documents apart', (t) => {
  const digests = [text('a b'), text('a', ' b'), text('a c')].map((each) => encode(each).digest);
  t.is(new Set(digests).size, 3);
  t.is(encode(text('a b', 'c'), 3).digest, digests[0]!);
});

test('a text without a token, and a token that the model lacks, are errors of the data', (t) => {
  t.is(t.throws(() => encode(text('')), { instanceOf: UserError, message: /no token to score/ }).kind, 'data');
  const beyond = () => encodeText(text('z'), byteTokenizer, 100, null);
  t.is(t.throws(beyond, { instanceOf: UserError, message: /token 122 .* beyond the model's 100/ }).kind, 'data');
});

test('units are documents where there are ten, else pieces of them', (t) => {
  const tens = Array.from({ length: 12 }, (_, k) => 10 * k);
  t.deepEqual(unitsOf({ bounds: tens }), { kind: 'document', bounds: tens });
  const many = Array.from({ length: 601 }, (_, k) => 10 * k);
  t.is(unitsOf({ bounds: many }).bounds.length - 1, 200);
  t.deepEqual(unitsOf({ bounds: [0, 1100, 1200] }), { kind: 'piece', bounds: [0, 512, 1100, 1200] });
});
