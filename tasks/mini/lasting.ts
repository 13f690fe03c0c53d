// What is true everywhere in the small world, as sentences and as questions. A model may know these by heart; what a test asks
// is how they are combined: its questions are put in words that no training text puts them in.
import type { TextSplit } from '../../src/tasks/text-generator.js';
import type { Random } from './random.js';
import { splitOf } from './split.js';
import { a, capitalized, unitsOf } from './text.js';
import { ANIMALS, CAUSES, EFFECTS, JOBS, NAMES, pronoun, THINGS, type Thing } from './world.js';

/** A question with its answer, and answers of the same kind that are wrong. */
export interface LastingQuestion {
  readonly question: string;
  readonly answer: string;
  readonly others: readonly string[];
}

const situations = Object.entries(EFFECTS);

/** Things in situations that training text says the effect of; of the others only material and effect are said. */
function isTold(thing: Thing, situation: string): boolean {
  return splitOf(effectTable(thing, situation)) === 'train';
}

function effectTable(thing: Thing, situation: string): string {
  return `${thing.name} ${situation}`;
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

const values = <T>(list: readonly T[], of: (entry: T) => string): string[] => [...new Set(list.map(of))];

function ask(question: string, answer: string, all: readonly string[]): LastingQuestion {
  return { question, answer, others: all.filter((other) => other !== answer) };
}

/** People to ask of: other ones for each subject, and few, so that questions without people are not rare. */
function someNames(subject: number): string[] {
  return Array.from({ length: 4 }, (_, k) => NAMES[(4 * subject + 5 * k) % NAMES.length]!);
}

/** One fact each. */
const EASY: readonly LastingQuestion[] = [
  ...THINGS.flatMap(({ name, material, kind }, k) => [
    ...[`What is ${a(name)} made of?`, `${capitalized(a(name))} is made of what?`].map((question) =>
      ask(
        question,
        material,
        values(THINGS, (thing) => thing.material),
      ),
    ),
    ...[`What is ${a(name)}?`, `What kind is ${a(name)} of?`].map((question) =>
      ask(
        question,
        a(kind),
        values(THINGS, (thing) => a(thing.kind)),
      ),
    ),
    ...someNames(k).map((person) =>
      ask(
        `${person} has ${a(name)}. What is it made of?`,
        material,
        values(THINGS, (thing) => thing.material),
      ),
    ),
  ]),
  ...ANIMALS.flatMap(({ name, eats, home }, k) => [
    ...[`What does ${a(name)} eat?`, `${capitalized(a(name))} eats what?`, `What is food for ${a(name)}?`].map(
      (question) =>
        ask(
          question,
          eats,
          values(ANIMALS, (animal) => animal.eats),
        ),
    ),
    ...[`What is the home of ${a(name)}?`, `Where does ${a(name)} live?`, `Where do people find ${a(name)}?`].map(
      (question) =>
        ask(
          question,
          `the ${home}`,
          values(ANIMALS, (animal) => `the ${animal.home}`),
        ),
    ),
    ...someNames(k).map((person) =>
      ask(
        `${person} has ${a(name)}. What does it eat?`,
        eats,
        values(ANIMALS, (animal) => animal.eats),
      ),
    ),
  ]),
  ...JOBS.flatMap(({ name, does }) => [
    ...[`What does a ${name} do?`, `A ${name} does what?`].map((question) =>
      ask(
        question,
        `a ${name} ${does}`,
        values(JOBS, (job) => `a ${name} ${job.does}`),
      ),
    ),
    ...[`Who ${does}?`, `What kind of people ${does}?`].map((question) =>
      ask(
        question,
        `a ${name}`,
        values(JOBS, (job) => `a ${job.name}`),
      ),
    ),
  ]),
  ...CAUSES.flatMap(({ name, effect }) =>
    [`What happens in the ${name}?`, `What comes with ${name}?`, `When there is ${name}, what happens?`].map(
      (question) =>
        ask(
          question,
          effect,
          values(CAUSES, (cause) => cause.effect),
        ),
    ),
  ),
];

/** Two facts each: what the thing is made of, and what becomes of that. The pairs that a test asks are said nowhere. */
const CHALLENGE: readonly (LastingQuestion & { readonly table: string })[] = THINGS.flatMap((thing) =>
  situations.flatMap(([situation, effects]) => {
    const { name, material } = thing;
    const all = Object.values(effects).map((effect) => `it ${effect}`);
    return [
      `What happens to ${a(name)} ${situation}?`,
      `What does ${a(name)} do ${situation}?`,
      `${capitalized(a(name))} lies ${situation}. What does it do?`,
    ].map((question) => ({
      ...ask(question, `it ${effects[material]}`, all),
      table: effectTable(thing, situation),
    }));
  }),
);

/** Ways to reach a goal: which thing is needed for a use, and what a thing is needed for. */
const GOALS: readonly LastingQuestion[] = THINGS.flatMap(({ name, use }, k) => {
  const thing = (form: (name: string) => string) => values(THINGS, (each) => form(a(each.name)));
  const uses = (form: (use: string) => string) => values(THINGS, (each) => form(each.use));
  const by = (question: string, form: (text: string) => string) => ask(question, form(a(name)), thing(form));
  const to = (question: string, form: (text: string) => string) => ask(question, form(use), uses(form));
  return [
    by(`How do people ${use}?`, (text) => `with ${text}`),
    by(`What is a good way to ${use}?`, (text) => `take ${text}`),
    by(`What helps to ${use}?`, (text) => text),
    to(`What is ${a(name)} good for?`, (text) => `to ${text}`),
    to(`How do people use ${a(name)}?`, (text) => `they ${text} with it`),
    ...someNames(k).flatMap((person) => [
      by(`${person} wants to ${use}. What does ${pronoun(person)} need?`, (text) => text),
      to(`${person} has ${a(name)}. What is it for?`, (text) => `to ${text}`),
    ]),
  ];
});

const onSide = <T>(split: TextSplit, questions: readonly T[], tableOf: (question: T) => string): readonly T[] =>
  questions.filter((question) => splitOf(tableOf(question)) === split);

const bySide = <T>(questions: readonly T[], tableOf: (question: T) => string) => ({
  train: onSide('train', questions, tableOf),
  validation: onSide('validation', questions, tableOf),
});

export const easyQuestions = bySide(EASY, ({ question }) => question);
export const challengeQuestions = bySide(CHALLENGE, ({ table }) => table);
export const goals = bySide(GOALS, ({ question }) => question);
