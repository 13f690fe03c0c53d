// The two recall probes: what is told first is asked for after a gap of filler that says nothing about it.
// `mqar`: multi-query associative recall (Arora et al. 2023, Zoology), a list of key-value pairs, then keys whose values are
// asked for. `needle`: a needle in filler among other needles (Hsieh et al. 2024, RULER, multi-key).
// Distance: words and marks from the last value that is told to the one that is asked for, so that no value is nearer.
import type { TextSplit } from '../../src/tasks/text-generator.js';
import { fillerOf, LASTING_SENTENCES, SHORTEST_FILLER } from './lasting.js';
import type { Random } from './random.js';
import { drawFor, tableOf } from './split.js';
import { unitsOf } from './text.js';
import { COLOURS, FOODS, NAMES, NUMBERS, PLACES } from './world.js';

export interface Pair {
  readonly key: string;
  readonly value: string;
}

const FILLER_WORDS = new Set(LASTING_SENTENCES.flatMap((sentence) => sentence.split(/[ ,.]/)));

/** Many, so that knowing one is worth something; none is in filler. */
const VALUES: readonly string[] = [...COLOURS, ...NUMBERS, ...PLACES, ...FOODS].filter(
  (value) => !FILLER_WORDS.has(value),
);

/** Different keys with different values, on one side of the split as a whole. */
export function drawPairs(random: Random, split: TextSplit, count: number): Pair[] {
  return drawFor(
    split,
    () => {
      const values = random.sample(VALUES, count);
      return random.sample(NAMES, count).map((key, k) => ({ key, value: values[k]! }));
    },
    (pairs) => tableOf(pairs.map(({ key, value }) => `${key} ${value}`)),
  );
}

/** Key and value side by side, as in a list of pairs. */
const needle = ({ key }: Pair) => `The sign calls ${key}`;

/** A text up to where the value of `asked` is due. */
export type Probe = (random: Random, pairs: readonly Pair[], asked: Pair, distance: number) => string;

export const mqarContext: Probe = (random, pairs, asked, distance) => {
  const told = `Pairs: ${pairs.map(({ key, value }) => `${key} ${value}`).join(', ')}.`;
  return withGap(random, [told], `Ask: ${asked.key}`, distance);
};

export const needleContext: Probe = (random, pairs, asked, distance) => {
  const told = pairs.flatMap((pair) => needleInFiller(random, pair));
  return withGap(random, told, needle(asked), distance);
};

function needleInFiller(random: Random, pair: Pair): string[] {
  return [...fillerOf(random, SHORTEST_FILLER), `${needle(pair)} ${pair.value}.`];
}

/** Full stop, gap, line break and `asking` lie between the last told value and the word that is due. */
function withGap(random: Random, told: readonly string[], asking: string, distance: number): string {
  const gap = distance - unitsOf(asking) - 3;
  return `${[...told, ...fillerOf(random, gap)].join(' ')}\n${asking}`;
}

/** Distances of training text: most of them inside of a training length of a few hundred, some far beyond. */
function gapDistance(random: Random): number {
  return random.chance(0.8) ? random.logBetween(20, 200) : random.logBetween(200, 1500);
}

/** Without filler, what is asked for comes soon: there a model learns what an answer is. */
const AT_ONCE = 0.5;
/** Values that a text asks for. */
const ASKED = 40;

/** Few pairs as often as many: with few, looking at any value of the text is half of the answer. */
const somePairs = (random: Random, split: TextSplit, most: number) =>
  drawPairs(random, split, random.logBetween(2, most));

/** How often all pairs are asked for in the order in which they are told: there every word can be known, not the values alone. */
const IN_ORDER = 0.5;

/** All pairs, again and again: in the order in which they are told, or each time in another one. */
function allAsked(random: Random, pairs: readonly Pair[]): Pair[] {
  const inOrder = random.chance(IN_ORDER);
  const rounds = Math.ceil(ASKED / pairs.length);
  return Array.from({ length: rounds }, () => (inOrder ? pairs : random.shuffle(pairs))).flat();
}

export function mqarText(random: Random, split: TextSplit): string {
  const pairs = somePairs(random, split, 16);
  const [first, ...rest] = allAsked(random, pairs);
  const distance = random.chance(AT_ONCE) ? 6 : gapDistance(random);
  const queries = [first!.value, ...rest.map(({ key, value }) => `${key} ${value}`)];
  return `${mqarContext(random, pairs, first!, distance)} ${queries.join(', ')}.`;
}

export function needleText(random: Random, split: TextSplit): string {
  const pairs = somePairs(random, split, 8);
  const [first, ...rest] = allAsked(random, pairs);
  const distance = random.chance(AT_ONCE) ? 7 : gapDistance(random);
  const asked = `${needleContext(random, pairs, first!, distance)} ${first!.value}.`;
  return [asked, ...rest.map((pair) => `${needle(pair)} ${pair.value}.`)].join(' ');
}

/** Words that a list may have. */
const LISTED: readonly string[] = [...NAMES, ...VALUES];
/** Words that a text of lists has at least. */
const READ_OUT = 100;

/** A list that is read out again and again: every word behind the first round is known from the word before it. */
export function listText(random: Random): string {
  const list = random.sample(LISTED, random.logBetween(4, 32)).join(' ');
  const rounds = Math.max(2, Math.ceil(READ_OUT / list.split(' ').length));
  return Array.from({ length: rounds }, (_, k) => `${k === 0 ? 'List' : 'Again'}: ${list}.`).join('\n');
}
