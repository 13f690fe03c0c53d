// Social situations of the small world: what people feel, do next and did before, in the schema of Social IQa.
import { choicesAt } from './choices.js';
import type { DrawRow } from './rows.js';
import { drawFor } from './split.js';
import { FOODS, NAMES, THINGS } from './world.js';

interface Cast {
  readonly one: string;
  readonly two: string;
  readonly thing: string;
  readonly food: string;
}

interface Situation {
  readonly context: (cast: Cast) => string;
  /** What one, and the other, feels. */
  readonly feels: readonly [string, string];
  /** What one, and the other, does next. */
  readonly does: readonly [(cast: Cast) => string, (cast: Cast) => string];
}

const SITUATIONS: readonly Situation[] = [
  {
    context: ({ one, two, thing }) => `${one} gives a new ${thing} to ${two}.`,
    feels: ['kind', 'glad'],
    does: [({ two }) => `smile at ${two}`, ({ one }) => `thank ${one}`],
  },
  {
    context: ({ one, two, thing }) => `${one} breaks the ${thing} of ${two}.`,
    feels: ['sorry', 'mad'],
    does: [({ thing }) => `make a new ${thing}`, ({ one }) => `shout at ${one}`],
  },
  {
    context: ({ one, two }) => `${one} wins the race and ${two} comes last.`,
    feels: ['proud', 'sad'],
    does: [() => 'hold the prize', () => 'run home'],
  },
  {
    context: ({ one, two, food }) => `${one} cooks ${food} all day, and ${two} has had no food.`,
    feels: ['tired', 'hungry'],
    does: [() => 'rest all night', ({ food }) => `eat the ${food}`],
  },
  {
    context: ({ one, two, thing }) => `${one} lost the ${thing}, and ${two} knows where it is.`,
    feels: ['lost', 'wise'],
    does: [({ two }) => `ask ${two}`, ({ one }) => `find it for ${one}`],
  },
];

const FEELINGS = SITUATIONS.flatMap(({ feels }) => feels);

export const socialRow: DrawRow = (random, split, position) => {
  const { situation, cast, asked, ofFeelings } = drawFor(
    split,
    () => {
      const [one, two] = random.sample(NAMES, 2) as [string, string];
      const cast = { one, two, thing: random.pick(THINGS).name, food: random.pick(FOODS) };
      return { situation: random.pick(SITUATIONS), cast, asked: random.below(2), ofFeelings: random.chance(0.5) };
    },
    ({ situation, cast, asked, ofFeelings }) => `${situation.context(cast)} ${asked} ${ofFeelings}`,
  );
  const person = asked === 0 ? cast.one : cast.two;
  const answer = ofFeelings ? situation.feels[asked]! : situation.does[asked]!(cast);
  // One wrong answer is right of the other person, so that knowing the situation is not enough.
  const close = ofFeelings ? situation.feels[1 - asked]! : situation.does[1 - asked]!(cast);
  const far = ofFeelings
    ? random.pick(FEELINGS.filter((feeling) => !situation.feels.includes(feeling)))
    : random.pick(random.pick(SITUATIONS.filter((other) => other !== situation)).does)(cast);
  const [answerA, answerB, answerC] = choicesAt(random, position, answer, [close, far], 3);
  return {
    context: situation.context(cast),
    question: ofFeelings ? `How does ${person} feel?` : `What will ${person} do next?`,
    answerA,
    answerB,
    answerC,
    label: String(position + 1),
  };
};
