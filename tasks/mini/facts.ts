// What a text says of its people: facts that hold in that text alone, stated once and needed again later.
import type { TextSplit } from '../../src/tasks/text-generator.js';
import type { Random } from './random.js';
import { drawFor, tableOf } from './split.js';
import { a } from './text.js';
import { ANIMALS, COLOURS, FOODS, JOBS, NAMES, PLACES, THINGS } from './world.js';

interface Relation {
  /** Draws a value for each of the people. */
  readonly values: (random: Random, people: readonly string[]) => string[];
  readonly statement: (name: string, value: string) => string;
  /** Clauses that only someone who knows the value can end. */
  readonly recalls: readonly ((name: string, value: string) => string)[];
  readonly question: (name: string) => string;
  readonly answer: (value: string) => string;
}

/** Different ones as long as there are some. */
function spread(random: Random, list: readonly string[], count: number): string[] {
  const drawn: string[] = [];
  while (drawn.length < count) drawn.push(...random.shuffle(list));
  return drawn.slice(0, count);
}

const RELATIONS = {
  has: {
    values: (random, people) =>
      spread(random, THINGS.map(({ name }) => name), people.length).map((thing) => `${random.pick(COLOURS)} ${thing}`), // prettier-ignore
    statement: (name, value) => `${name} has ${a(value)}`,
    recalls: [
      (name, value) => `${name} takes the ${value}`,
      (name, value) => `${name} cleans the ${value}`,
      (name, value) => `${name} looks for the ${value}`,
    ],
    question: (name) => `What does ${name} have?`,
    answer: a,
  },
  home: {
    values: (random, people) => spread(random, PLACES, people.length),
    statement: (name, value) => `${name} lives at the ${value}`,
    recalls: [(name, value) => `${name} goes home to the ${value}`, (name, value) => `${name} sleeps at the ${value}`],
    question: (name) => `Where does ${name} live?`,
    answer: (value) => `at the ${value}`,
  },
  likes: {
    values: (random, people) => spread(random, FOODS, people.length),
    statement: (name, value) => `${name} likes ${value}`,
    recalls: [(name, value) => `${name} eats ${value}`, (name, value) => `${name} asks for ${value}`],
    question: (name) => `What does ${name} like?`,
    answer: (value) => value,
  },
  pet: {
    values: (random, people) => spread(random, ANIMALS.map(({ name }) => name), people.length), // prettier-ignore
    statement: (name, value) => `${name} keeps ${a(value)}`,
    recalls: [(name, value) => `${name} feeds the ${value}`, (name, value) => `${name} plays with the ${value}`],
    question: (name) => `What does ${name} keep?`,
    answer: a,
  },
  job: {
    values: (random, people) => spread(random, JOBS.map(({ name }) => name), people.length), // prettier-ignore
    statement: (name, value) => `${name} is ${a(value)}`,
    recalls: [(name, value) => `${name} works as ${a(value)}`],
    question: (name) => `What is ${name}?`,
    answer: a,
  },
  friend: {
    values: (random, people) => people.map((name) => random.pick(NAMES.filter((other) => other !== name))),
    statement: (name, value) => `${name} is a friend of ${value}`,
    recalls: [(name, value) => `${name} visits ${value}`, (name, value) => `${name} sings with ${value}`],
    question: (name) => `Who is ${name} a friend of?`,
    answer: (value) => value,
  },
} satisfies Record<string, Relation>;

type RelationName = keyof typeof RELATIONS;
const relationNames = Object.keys(RELATIONS) as RelationName[];

export interface Fact {
  readonly name: string;
  readonly relation: RelationName;
  readonly value: string;
}

/** Facts of `people` people, `each` of every one, person by person, on one side of the split as a whole. */
export function drawFacts(random: Random, split: TextSplit, people: number, each: number): Fact[] {
  return drawFor(
    split,
    () => {
      const names = random.sample(NAMES, people);
      const values = Object.fromEntries(
        relationNames.map((relation) => [relation, RELATIONS[relation].values(random, names)]),
      );
      return names.flatMap((name, k) =>
        random.sample(relationNames, each).map((relation) => ({ name, relation, value: values[relation]![k]! })),
      );
    },
    factTable,
  );
}

export function factTable(facts: readonly Fact[]): string {
  return tableOf(facts.map(({ name, relation, value }) => `${name} ${relation} ${value}`));
}

/** `Ada likes plums`, without a full stop. */
export function statement({ name, relation, value }: Fact): string {
  return RELATIONS[relation].statement(name, value);
}

const TIMES = ['Later', 'Now', 'Soon', 'Today', 'At noon', 'At night'] as const;

/** `At noon Ada eats plums`: ends in what only the fact says. */
export function recall(random: Random, { name, relation, value }: Fact): string {
  return `${random.pick(TIMES)} ${random.pick<Relation['recalls'][number]>(RELATIONS[relation].recalls)(name, value)}`;
}

/** The same in the words that it was told in, which is the easiest to go on with. */
export function restatement(random: Random, fact: Fact): string {
  return `${random.pick(TIMES)} ${statement(fact)}`;
}

/** A sentence about someone that needs no fact. */
export function idle(random: Random, name: string): string {
  return `${random.pick(TIMES)} ${name} ${random.pick(['rests', 'waits', 'laughs', 'walks'])}`;
}

export function question({ name, relation }: Fact): string {
  return RELATIONS[relation].question(name);
}

export function answer({ relation, value }: Fact): string {
  return RELATIONS[relation].answer(value);
}
