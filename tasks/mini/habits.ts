// Habits of the small world, step by step, in the schema of HellaSwag: what someone does next.
import { choicesAt } from './choices.js';
import type { DrawRow } from './rows.js';
import { drawFor } from './split.js';
import { capitalized } from './text.js';
import { NAMES, PLACES, pronoun } from './world.js';

/** Each step of a habit follows the one before. */
const HABITS: Readonly<Record<string, readonly string[]>> = {
  Baking: ['takes some flour', 'pours milk on the flour', 'makes a dough', 'lays the dough on the fire', 'eats the warm bread'],
  Fishing: ['goes down to the lake', 'gets into a boat', 'throws out a net', 'rests in the boat', 'takes home a fish'],
  Planting: ['digs a hole', 'drops some seeds into the hole', 'covers the hole', 'rests in the rain', 'waits for green leaves'],
  Reading: ['lights the lamp', 'opens the old book', 'reads to the last page', 'closes the book', 'sleeps all night'],
  Building: ['chops down some trees', 'cuts the trees into logs', 'lays the logs on the stones', 'makes a roof', 'goes into the new home'],
  Washing: ['takes the shirts to the well', 'pours water on the shirts', 'rubs the shirts', 'hangs the shirts in the wind', 'has clean shirts'],
}; // prettier-ignore

const activities = Object.keys(HABITS);

export const habitRow: DrawRow = (random, split, position) => {
  const { activity, name, place, seen } = drawFor(
    split,
    () => ({
      activity: random.pick(activities),
      name: random.pick(NAMES),
      place: random.pick(PLACES),
      seen: random.between(1, 4),
    }),
    ({ activity, name, place, seen }) => `${activity} ${name} ${place} ${seen}`,
  );
  const steps = HABITS[activity]!;
  const who = pronoun(name);
  const told = steps.slice(0, seen).map((step, k) => `${capitalized(k === 0 ? who : `then ${who}`)} ${step}.`);
  // Between the last step and the next one, so that the words right before do not tell it.
  const ctx_a = `${name} is at the ${place}. ${told.join(' ')} All is good at the ${place}.`;
  const elsewhere = random.sample(
    activities.filter((other) => other !== activity),
    2,
  );
  // No habit's first step: that it follows nothing would tell it apart.
  const wrong = [
    ...elsewhere.map((other) => random.pick(HABITS[other]!.slice(1))),
    random.pick(steps.slice(1).toSpliced(seen - 1, 1)),
  ];
  return {
    ind: 0,
    activity_label: activity,
    ctx_a,
    ctx_b: `then ${who}`,
    ctx: `${ctx_a} Then ${who}`,
    endings: choicesAt(random, position, steps[seen]!, wrong, 4).map((step) => `${step}.`),
    label: String(position),
  };
};
