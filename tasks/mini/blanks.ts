// Sentences with a blank that one of two nouns fills, in the schema of WinoGrande: which of the two, the end of the sentence says.
import type { DrawRow } from './rows.js';
import { drawFor } from './split.js';
import { COLOURS, NAMES, THINGS } from './world.js';

interface Schema {
  readonly options: readonly string[];
  readonly beginning: (first: string, second: string, thing: string) => string;
  /** What is true of the first noun, and of the second. */
  readonly ends: readonly [string, string];
}

const thingNames = THINGS.map(({ name }) => name);
const things = thingNames.map((name) => `the ${name}`);

const SCHEMAS: readonly Schema[] = [
  { options: things, beginning: (one, two) => `Put into ${two}, ${one} does not fit, because`, ends: ['is too big', 'is too small'] },
  { options: things, beginning: (one, two) => `With ${one} people hit ${two}, and then`, ends: ['is whole', 'is in parts'] },
  { options: NAMES, beginning: (one, two, thing) => `${one} gets the ${thing} of ${two}, because`, ends: ['asked for it', 'gave it away'] },
  { options: NAMES, beginning: (one, two) => `${one} comes home before ${two}, because`, ends: ['is fast', 'is slow'] },
  { options: NAMES, beginning: (one, two) => `${one} teaches ${two} to read, because`, ends: ['knows how', 'does not know how'] },
]; // prettier-ignore

const BLANK = '_';

export const blankRow: DrawRow = (random, split, position) => {
  const { schema, nouns, which, beginning } = drawFor(
    split,
    () => {
      const schema = random.pick(SCHEMAS);
      const nouns = random.sample(schema.options, 2) as [string, string];
      const thing = `${random.pick(COLOURS)} ${random.pick(thingNames)}`;
      return { schema, nouns, which: random.below(2), beginning: schema.beginning(...nouns, thing) };
    },
    ({ beginning }) => beginning,
  );
  const [option1, option2] = position === which ? nouns : [nouns[1], nouns[0]];
  return {
    sentence: `${beginning} ${BLANK} ${schema.ends[which]}.`,
    option1,
    option2,
    answer: String(position + 1),
  };
};
