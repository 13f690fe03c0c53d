import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { packageRoot } from '../../src/package-root.js';
import { WordCounter } from '../../src/tokenizers/count-words.js';
import type { Tokenizer } from '../../src/tokenizers/tokenizer.js';
import { tokenizerFromJson } from '../../src/tokenizers/tokenizer-json.js';
import { checkBpeSettings, trainBpe, type BpeSettings } from '../../src/tokenizers/train-bpe.js';
import { UserError } from '../../src/user-error.js';
import { seededNumbers } from '../seeded-numbers.js';
import { noSettings } from './tiny-tokenizers.js';

/** What Hugging Face's trainer makes of the project's own sentences. */
const vector = JSON.parse(readFileSync(path.join(packageRoot, 'test/fixtures/bpe/hugging-face.json'), 'utf8')) as {
  documents: string[];
  tokens: string[];
  merges: string[];
  encodings: number[][];
};
const END = '<|endoftext|>';
const BYTES = 256;

function train(documents: readonly string[], settings: Partial<BpeSettings> = {}) {
  const specials = settings.specials ?? [END];
  const counter = new WordCounter(specials);
  for (const document of documents) {
    counter.add(document, 'test');
    counter.endDocument();
  }
  return trainBpe(counter.counts, { vocabularySize: settings.vocabularySize ?? 4096, specials });
}
const load = (description: ReturnType<typeof train>): Tokenizer =>
  tokenizerFromJson(description, noSettings, 'tokenizer.json');
const modelOf = (description: ReturnType<typeof train>) =>
  description.model as { vocab: Record<string, number>; merges: [string, string][] };

test("merges and ids are those of Hugging Face's trainer", (t) => {
  const { vocab, merges } = modelOf(train(vector.documents));
  t.deepEqual(
    merges.map((merge) => merge.join(' ')),
    vector.merges,
  );
  const byId = Object.entries(vocab).sort(([, a], [, b]) => a - b);
  t.deepEqual(
    byId.slice(1 + BYTES).map(([token]) => token),
    vector.tokens,
  );
  const tokenizer = load(train(vector.documents));
  t.deepEqual(
    vector.documents.map((document) => tokenizer.encode(document)),
    vector.encodings,
  );
});

test('the size counts special tokens, bytes and merges', (t) => {
  const tokenizer = load(train(vector.documents, { vocabularySize: 300, specials: [END, '<|pad|>'] }));
  t.is(tokenizer.vocabularySize, 300);
  t.deepEqual(tokenizer.encode(`<|pad|>${END}`), [1, 0]);
  t.deepEqual([tokenizer.bosTokenId, tokenizer.eosTokenId], [0, 0]);
});

test('the same words in another order give the same tokenizer', (t) => {
  t.deepEqual(train(vector.documents.toReversed()), train(vector.documents));
});

test('a vocabulary is smaller than asked for where nothing occurs twice', (t) => {
  t.is(load(train(['abc'])).vocabularySize, 1 + BYTES);
});

test('any text comes back from its ids', (t) => {
  const tokenizer = load(train(vector.documents));
  const random = seededNumbers(11);
  const ranges = [0x80, 0x100, 0x3000, 0x11000, 0x10ffff] as const;
  for (let round = 0; round < 300; round++) {
    const codePoints = Array.from({ length: 40 }, () => Math.floor(random() * ranges[round % ranges.length]!));
    const text =
      String.fromCodePoint(...codePoints.filter((c) => c < 0xd800 || c > 0xdfff)) + vector.documents[round % 5]!;
    const ids = tokenizer.encode(text);
    t.is(tokenizer.decode(ids), text);
    t.true(ids.every((id) => id < tokenizer.vocabularySize));
  }
});

const bad: [settings: Partial<BpeSettings>, message: string][] = [
  [{ vocabularySize: 256 }, 'a vocabulary of 256 has no room for 256 bytes and 1 special tokens'],
  [{ specials: [] }, 'a tokenizer needs a special token for the end of a text'],
  [{ specials: ['a b'] }, "'a b' cannot be a special token"],
  [{ specials: ['x'] }, "'x' cannot be a special token"],
  [{ specials: ['\u0120the'] }, "'\u0120the' cannot be a special token"],
  [{ specials: [END, '<s>', END] }, `the special token ${END} is named twice`],
];
for (const [settings, message] of bad)
  test(`refused: ${message}`, (t) => {
    const error = t.throws(() => checkBpeSettings({ vocabularySize: 4096, specials: [END], ...settings }), {
      instanceOf: UserError,
      message,
    });
    t.is(error?.kind, 'usage');
  });
