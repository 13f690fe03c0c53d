// Stories: people are told of once, and what was told is needed again after tens to thousands of words.
import type { TextSplit } from '../../src/tasks/text-generator.js';
import { answer, drawFacts, type Fact, idle, question, recall, restatement, statement } from './facts.js';
import { LASTING_SENTENCES } from './lasting.js';
import type { Random } from './random.js';
import { paragraphs, unitsOf } from './text.js';

const MOST_PEOPLE = 16;
const UNITS_A_PERSON = 60;
const UNITS_A_FACT = 6;
/** Part of a story after which nobody new appears. */
const ALL_ARE_KNOWN = 0.6;

/** A story of about `units` words and marks. */
export function story(random: Random, split: TextSplit, units: number): string {
  const people = Math.min(MOST_PEOPLE, Math.max(2, Math.round(units / UNITS_A_PERSON)));
  const untold = drawFacts(random, split, people, 3);
  const told: Fact[] = [];
  const sentences: string[] = [];
  for (let length = 0; length < units; length += unitsOf(sentences.at(-1)!))
    sentences.push(`${nextSentence(random, untold, told, units * ALL_ARE_KNOWN - length)}.`);
  const asked = random.chance(0.5) ? random.sample(told, Math.min(told.length, random.between(1, 3))) : [];
  return [paragraphs(sentences, random.between(4, 9)), ...asked.map(questionAndAnswer)].join('\n');
}

/** Takes the next fact from `untold` to `told`, or tells of one that is told. @param room units until all must be told. */
function nextSentence(random: Random, untold: Fact[], told: Fact[], room: number): string {
  const due = room <= 0 ? 1 : (untold.length * UNITS_A_FACT) / room;
  if (untold.length > 0 && (told.length === 0 || random.chance(due))) {
    const fact = untold.shift()!;
    told.push(fact);
    return statement(fact);
  }
  const fact = random.pick(told);
  return random.weighted([
    [() => recall(random, fact), 5],
    [() => restatement(random, fact), 2],
    [() => random.pick(LASTING_SENTENCES).slice(0, -1), 3],
    [() => idle(random, fact.name), 1],
  ])();
}

function questionAndAnswer(fact: Fact): string {
  return `Question: ${question(fact)}\nAnswer: ${answer(fact)}`;
}
