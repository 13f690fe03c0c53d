// Questions about what is true everywhere in the small world, with wrong answers of the right kind. A model may know the facts by
// heart; what a test asks is put in words that no training text puts them in.
import type { TextSplit } from '../../src/tasks/text-generator.js';
import { isTold, situations } from './lasting.js';
import { splitOf } from './split.js';
import { a, capitalized } from './text.js';
import { ANIMALS, CAUSES, JOBS, NAMES, pronoun, THINGS } from './world.js';

export interface LastingQuestion {
  readonly question: string;
  readonly answer: string;
  readonly others: readonly string[];
}

interface Asked extends LastingQuestion {
  /** Its side of the split, where that is not for the question's words to say. */
  readonly side?: TextSplit;
  /** Training text names few people with a subject, so that questions without people are not rare; tests name any. */
  readonly inTraining?: boolean;
}

/** Asks with answers of one kind: the others are the wrong ones. */
function asker(answers: readonly string[]) {
  return (question: string, answer: string): Asked => {
    return { question, answer, others: answers.filter((other) => other !== answer) };
  };
}

function withNames(subject: number, ask: (person: string) => Asked): Asked[] {
  return NAMES.map((person, k) => ({ ...ask(person), inTraining: (k + subject) % 5 === 0 }));
}

function different<T>(list: readonly T[], of: (entry: T) => string): string[] {
  return [...new Set(list.map(of))];
}

const askMaterial = asker(different(THINGS, ({ material }) => material));
const askKind = asker(different(THINGS, ({ kind }) => a(kind)));
const askFood = asker(different(ANIMALS, ({ eats }) => eats));
const askHome = asker(different(ANIMALS, ({ home }) => `the ${home}`));
const askWork = asker(different(JOBS, ({ name, does }) => `a ${name} ${does}`));
const askWorker = asker(different(JOBS, ({ name }) => `a ${name}`));
const askEffect = asker(different(CAUSES, ({ effect }) => effect));

/** One fact each. */
const easy = (): readonly Asked[] => [
  ...THINGS.flatMap(({ name, material, kind }, k) => [
    askMaterial(`What is ${a(name)} made of?`, material),
    askMaterial(`${capitalized(a(name))} is made of what?`, material),
    askKind(`What is ${a(name)}?`, a(kind)),
    askKind(`What kind is ${a(name)} of?`, a(kind)),
    ...withNames(k, (person) => askMaterial(`${person} has ${a(name)}. What is it made of?`, material)),
  ]),
  ...ANIMALS.flatMap(({ name, eats, home }, k) => [
    askFood(`What does ${a(name)} eat?`, eats),
    askFood(`${capitalized(a(name))} eats what?`, eats),
    askFood(`What is food for ${a(name)}?`, eats),
    askHome(`What is the home of ${a(name)}?`, `the ${home}`),
    askHome(`Where does ${a(name)} live?`, `the ${home}`),
    askHome(`Where do people find ${a(name)}?`, `the ${home}`),
    ...withNames(k, (person) => askFood(`${person} has ${a(name)}. What does it eat?`, eats)),
  ]),
  ...JOBS.flatMap(({ name, does }) => [
    askWork(`What does a ${name} do?`, `a ${name} ${does}`),
    askWork(`A ${name} does what?`, `a ${name} ${does}`),
    askWorker(`Who ${does}?`, `a ${name}`),
    askWorker(`What kind of people ${does}?`, `a ${name}`),
  ]),
  ...CAUSES.flatMap(({ name, effect }) => [
    askEffect(`What happens in the ${name}?`, effect),
    askEffect(`What comes with ${name}?`, effect),
    askEffect(`When there is ${name}, what happens?`, effect),
  ]),
];

/** Two facts each: what the thing is made of, and what becomes of that. The pairs that a test asks are told nowhere. */
const challenge = (): readonly Asked[] =>
  situations.flatMap(([situation, effects]) => {
    const ask = asker(Object.values(effects).map((effect) => `it ${effect}`));
    return THINGS.flatMap((thing, k) => {
      const { name, material } = thing;
      const about = (question: string) => ({
        ...ask(question, `it ${effects[material]}`),
        side: isTold(thing, situation) ? ('train' as const) : ('validation' as const),
      });
      return [
        about(`What happens to ${a(name)} ${situation}?`),
        about(`What does ${a(name)} do ${situation}?`),
        about(`${capitalized(a(name))} is ${situation}. What does it do?`),
        ...withNames(k, (person) => about(`${person} has ${a(name)} ${situation}. What does it do?`)),
      ];
    });
  });

/** Ways to reach a goal: which thing is needed for a use, and what a thing is needed for. */
const goalQuestions = (): readonly Asked[] =>
  THINGS.flatMap(({ name, use }, k) => {
    const by = (question: string, form: (thing: string) => string) =>
      asker(THINGS.map((other) => form(a(other.name))))(question, form(a(name)));
    const to = (question: string, form: (use: string) => string) =>
      asker(THINGS.map((other) => form(other.use)))(question, form(use));
    return [
      by(`How do people ${use}?`, (thing) => `with ${thing}`),
      by(`With what do people ${use}?`, (thing) => `with ${thing}`),
      by(`What helps to ${use}?`, (thing) => thing),
      to(`What is ${a(name)} good for?`, (use) => `to ${use}`),
      to(`How do people use ${a(name)}?`, (use) => `they ${use} with it`),
      ...withNames(k, (person) =>
        by(`${person} wants to ${use}. What does ${pronoun(person)} need?`, (thing) => thing),
      ),
      ...withNames(k, (person) => to(`${person} has ${a(name)}. What is it for?`, (use) => `to ${use}`)),
    ];
  });

function bySide(questions: readonly Asked[]): Readonly<Record<TextSplit, readonly LastingQuestion[]>> {
  const onSide = (split: TextSplit) => questions.filter(({ question, side = splitOf(question) }) => side === split);
  return { train: onSide('train').filter(({ inTraining = true }) => inTraining), validation: onSide('validation') };
}

/** By side, made when they are first asked for: a list of tasks needs none of them. */
function whenAsked(make: () => readonly Asked[]) {
  let made: ReturnType<typeof bySide> | undefined;
  return () => (made ??= bySide(make()));
}

export const easyQuestions = whenAsked(easy);
export const challengeQuestions = whenAsked(challenge);
export const goals = whenAsked(goalQuestions);
