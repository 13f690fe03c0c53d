// The two recall probes: what is told first is asked for after a gap of filler that says nothing about it.
// `mqar`: multi-query associative recall (Arora et al. 2023, Zoology), a list of key-value pairs, then keys whose values are
// asked for. `needle`: a needle in filler among other needles (Hsieh et al. 2024, RULER, multi-key).
// Distance: words and marks from the last value that is told to the one that is asked for, so that no value is nearer.
import type { TextSplit } from '../../src/tasks/text-generator.js';
import { fillerOf, SHORTEST_FILLER } from './lasting.js';
import type { Random } from './random.js';
import { drawFor, tableOf } from './split.js';
import { unitsOf } from './text.js';
import { COLOURS, NAMES, NUMBERS } from './world.js';

export interface Pair {
  readonly key: string;
  readonly value: string;
}

const VALUES: readonly string[] = [...COLOURS, ...NUMBERS];

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

const needle = ({ key }: Pair) => `The sign of ${key} is`;

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

/** All pairs are asked for, twice, each time in another order. */
export function mqarText(random: Random, split: TextSplit): string {
  const pairs = drawPairs(random, split, random.between(3, 16));
  const [first, ...rest] = [...random.shuffle(pairs), ...random.shuffle(pairs)];
  const distance = random.chance(AT_ONCE) ? 6 : gapDistance(random);
  const queries = [first!.value, ...rest.map(({ key, value }) => `${key} ${value}`)];
  return `${mqarContext(random, pairs, first!, distance)} ${queries.join(', ')}.`;
}

/** All needles are asked for, with filler between. */
export function needleText(random: Random, split: TextSplit): string {
  const pairs = drawPairs(random, split, random.between(2, 6));
  const [first, ...rest] = random.shuffle(pairs);
  const distance = random.chance(AT_ONCE) ? 8 : gapDistance(random);
  const asked = `${needleContext(random, pairs, first!, distance)} ${first!.value}.`;
  return [asked, ...rest.flatMap((pair) => needleInFiller(random, pair))].join(' ');
}
