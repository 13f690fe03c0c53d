import test from 'ava';
import { loadTextGenerator } from '../../../src/tasks/text-generators.js';
import { UserError } from '../../../src/user-error.js';
import { WordCounter } from '../../../src/tokenizers/count-words.js';
import { tokenizerFromJson } from '../../../src/tokenizers/tokenizer-json.js';
import { trainBpe } from '../../../src/tokenizers/train-bpe.js';
import {
  ANIMALS,
  CAUSES,
  COLOURS,
  EFFECTS,
  FOODS,
  JOBS,
  NAMES,
  NUMBERS,
  PLACES,
  THINGS,
} from '../../../tasks/mini/world.js';
import { LASTING_SENTENCES } from '../../../tasks/mini/lasting.js';
import { unitsOf } from '../../../tasks/mini/text.js';
import { noSettings } from '../../tokenizers/tiny-tokenizers.js';
import { someText, wordsOf } from './words.js';

const text = someText(300_000);

test('the same seed writes the same text, another seed or split another one', (t) => {
  const [first, second] = [someText(5000, 7), someText(5000, 7)];
  t.deepEqual(first, second);
  t.notDeepEqual(someText(5000, 8), first);
  t.notDeepEqual(someText(5000, 7, 'validation'), first);
});

test('the training text has a few hundred words, and every word of the world is one of them', (t) => {
  const words = new Set(text.flatMap(wordsOf).map((word) => word.toLowerCase()));
  t.true(words.size >= 300 && words.size <= 450, `${words.size} words`);
  const world = [
    ...[NAMES, PLACES, FOODS, COLOURS, NUMBERS].flat(),
    ...THINGS.flatMap(({ name, material, kind, use }) => [name, material, kind, use]),
    ...ANIMALS.flatMap(({ name, eats, home }) => [name, eats, home]),
    ...JOBS.flatMap(({ name, does }) => [name, does]),
    ...CAUSES.flatMap(({ name, effect }) => [name, effect]),
    ...Object.entries(EFFECTS).flatMap(([situation, effects]) => [situation, ...Object.values(effects)]),
  ];
  const unused = world.flatMap((entry) => entry.split(' ')).filter((word) => !words.has(word.toLowerCase()));
  t.deepEqual(unused, []);
});

test('documents are of all lengths, from a few dozen to thousands of words', (t) => {
  const lengths = text.map(unitsOf).sort((a, b) => a - b);
  t.true(lengths[0]! <= 100);
  t.true(lengths.at(-1)! >= 2000);
  const median = lengths[lengths.length >> 1]!;
  t.true(median > 100 && median < 400, `${median}`);
});

test('a vocabulary of 1,024 has nearly every word as one token, and never less than a token for a word', (t) => {
  const words = new WordCounter([]);
  for (const document of text) {
    words.add(document, 'mini');
    words.endDocument();
  }
  const json = trainBpe(words.counts, { vocabularySize: 1024, specials: ['<|endoftext|>'] });
  const tokenizer = tokenizerFromJson(json, noSettings, 'tokenizer.json');
  let tokens = 0;
  let units = 0;
  for (const document of text.slice(0, 200)) {
    const length = tokenizer.encode(document).length;
    t.true(length >= unitsOf(document));
    tokens += length;
    units += unitsOf(document);
  }
  t.true(tokens / units < 1.03, `${tokens / units} tokens a word`);
});

test('what fills a gap names nobody, and no colour or number', (t) => {
  const words = new Set(LASTING_SENTENCES.flatMap(wordsOf));
  t.deepEqual(
    [...NAMES, ...COLOURS, ...NUMBERS].filter((word) => words.has(word)),
    [],
  );
});

test('an unknown generator is an error of usage that says which one was meant', async (t) => {
  t.is((await loadTextGenerator('mini')).name, 'mini');
  const error = await t.throwsAsync(loadTextGenerator('minni'), { instanceOf: UserError });
  t.is(error.kind, 'usage');
  t.is(error.message, 'unknown generator "minni"; did you mean "mini"?');
});
