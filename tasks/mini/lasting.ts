// What is true everywhere in the small world, as sentences. They fill the space between what one text alone says.
import type { Random } from './random.js';
import { a, capitalized, unitsOf } from './text.js';
import { ANIMALS, CAUSES, EFFECTS, JOBS, THINGS, type Thing } from './world.js';

/** Where things are, and what becomes of materials there. */
export const situations = Object.entries(EFFECTS);

/**
 * Whether training text says what becomes of a thing there. Of each material one thing is left out in each situation, another
 * one in each: so all effects are told equally often, and their frequency tells nothing.
 */
export function isTold(thing: Thing, situation: string): boolean {
  const alike = THINGS.filter(({ material }) => material === thing.material);
  return alike.indexOf(thing) !== situations.findIndex(([name]) => name === situation);
}

/** No sentence holds a name, a colour or a number: they fill the gap between facts that do. */
export const LASTING_SENTENCES: readonly string[] = [
  ...THINGS.flatMap(({ name, kind, material, use }) => [
    `${capitalized(a(name))} is ${a(kind)}.`,
    `${capitalized(a(name))} is made of ${material}.`,
    `People ${use} with ${a(name)}.`,
  ]),
  ...ANIMALS.flatMap(({ name, eats, home }) => [
    `${capitalized(a(name))} eats ${eats}.`,
    `The home of ${a(name)} is the ${home}.`,
  ]),
  ...JOBS.map(({ name, does }) => `A ${name} ${does}.`),
  ...CAUSES.map(({ name, effect }) => `When there is ${name}, ${effect}.`),
  ...situations.flatMap(([situation, effects]) => [
    ...Object.entries(effects).map(([material, effect]) => `${capitalized(situation)} ${material} ${effect}.`),
    ...THINGS.filter((thing) => isTold(thing, situation)).map(
      ({ name, material }) => `${capitalized(situation)} ${a(name)} ${effects[material]}.`,
    ),
  ]),
];

/** Sentences of exactly `units` words and marks (none, or `SHORTEST_FILLER` and more), for the gap between a fact and the place that needs it. */
export function fillerOf(random: Random, units: number): string[] {
  const sentences: string[] = [];
  for (let rest = units; rest > 0;) {
    const sentence = random.pick(LASTING_SENTENCES);
    const after = rest - unitsOf(sentence);
    if (!canBeFilled(after)) continue;
    sentences.push(sentence);
    rest = after;
  }
  return sentences;
}

const lengths = new Set(LASTING_SENTENCES.map(unitsOf));

/** From here on every number of units is a sum of sentences' lengths. */
export const SHORTEST_FILLER = 10;

function canBeFilled(units: number): boolean {
  return units === 0 || units >= SHORTEST_FILLER || lengths.has(units);
}
