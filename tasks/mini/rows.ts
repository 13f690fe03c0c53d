// Rows in the schemas of the real benchmarks, about the small world. Training text is made of the same rows, answered.
import type { TextSplit } from '../../src/tasks/text-generator.js';
import { choicesAt } from './choices.js';
import { drawFacts, type Fact, recall, statement } from './facts.js';
import { LASTING_SENTENCES } from './lasting.js';
import { challengeQuestions, easyQuestions, goals, type LastingQuestion } from './lasting-questions.js';
import type { Random } from './random.js';
import { story } from './story.js';

/** Lengths of the stories that perplexity is taken of: most models were trained on less than the last ones. */
const STORY_UNITS = [128, 256, 512, 1024, 2048, 4096];

/** Draws a row whose right answer is at `position`. */
export type DrawRow<Row = Record<string, unknown>> = (random: Random, split: TextSplit, position: number) => Row;

/** WikiText: a story, of each length in turn. */
export const wikitextRow: DrawRow = (random, split, position) => {
  return { page: story(random, split, STORY_UNITS[position % STORY_UNITS.length]!) };
};

/** LAMBADA: the last word is a value that was told once, 30 to 200 words before. */
export const lambadaRow: DrawRow = (random, split) => {
  const facts = random.shuffle(drawFacts(random, split, random.between(3, 4), random.between(2, 3)));
  const told = facts.flatMap((fact) => [`${statement(fact)}.`, ...remarks(random, 0, 2)]);
  return { text: [...told, ...remarks(random, 0, 3), recall(random, random.pick(facts.slice(0, -2)))].join(' ') };
};

export const piqaRow: DrawRow = (random, split, position) => {
  const { question, answer, others } = random.pick(goals()[split]);
  const [sol1, sol2] = choicesAt(random, position, answer, others, 2);
  return { goal: question, sol1, sol2, label: position };
};

const arcRow =
  (questions: () => Readonly<Record<TextSplit, readonly LastingQuestion[]>>): DrawRow =>
  (random, split, position) => {
    const { question, answer, others } = random.pick(questions()[split]);
    const text = choicesAt(random, position, answer, others, 4);
    const label = ['A', 'B', 'C', 'D'];
    return { question, choices: { text, label }, answerKey: label[position] };
  };

export const arcEasyRow = arcRow(easyQuestions);
export const arcChallengeRow = arcRow(challengeQuestions);

/** BoolQ: whether the passage says so; what it does not say of one person, it says of another. */
export const boolqRow: DrawRow = (random, split, position) => {
  const facts = drawFacts(random, split, random.between(2, 4), 2);
  const told = random.shuffle(facts).flatMap((fact) => [`${statement(fact)}.`, ...remarks(random, 0, 1)]);
  const pairs = facts.flatMap((fact) =>
    facts.filter((other) => contradicts(fact, other)).map((other) => [fact, other]),
  );
  if (pairs.length === 0) return boolqRow(random, split, position);
  const [fact, other] = random.pick(pairs) as [Fact, Fact];
  const asked = position === 1 ? fact : { ...fact, value: other.value };
  return { passage: told.join(' '), question: `is it true that ${statement(asked)}`, label: position };
};

function contradicts(fact: Fact, other: Fact): boolean {
  return other.relation === fact.relation && other.value !== fact.value && other.value !== fact.name;
}

function remarks(random: Random, from: number, to: number): string[] {
  return random.sample(LASTING_SENTENCES, random.between(from, to));
}
