// The training text of the embedded suite: documents about the small world, a share of them in the forms of its tasks.
import { defineTask, type TaskDefinition } from '../../src/tasks/define-task.js';
import type { Document } from '../../src/tasks/task.js';
import type { TextGenerator, TextSplit } from '../../src/tasks/text-generator.js';
import { arcEasy } from '../arc_easy/task.js';
import { boolq } from '../boolq/task.js';
import { hellaswag } from '../hellaswag/task.js';
import { lambadaOpenai } from '../lambada_openai/task.js';
import { piqa } from '../piqa/task.js';
import { socialIqa } from '../social_iqa/task.js';
import { winogrande } from '../winogrande/task.js';
import { blankRow } from './blanks.js';
import { habitRow } from './habits.js';
import { LASTING_SENTENCES } from './lasting.js';
import { listText, mqarText, needleText } from './probes.js';
import { Random } from './random.js';
import { arcChallengeRow, arcEasyRow, boolqRow, type DrawRow, lambadaRow, piqaRow } from './rows.js';
import { socialRow } from './social.js';
import { story } from './story.js';
import { paragraphs } from './text.js';

/** A row drawn, rendered as its task renders it, with the right answer: no prompt is written twice. */
function form<Row>(definition: TaskDefinition<Row>, draw: DrawRow, choices: number) {
  const task = defineTask(definition);
  return (random: Random, split: TextSplit): string =>
    answered(task.document(draw(random, split, random.below(choices)), 0, definition.name));
}

function answered(document: Document): string {
  const request = document.requests[document.kind === 'multiple-choice' ? document.gold : 0]!;
  return request.kind === 'rolling' ? request.text : request.context + request.continuation;
}

type Writer = (random: Random, split: TextSplit) => string;

const FORMS: readonly (readonly [Writer, number])[] = [
  [form(lambadaOpenai, lambadaRow, 1), 2],
  [form(piqa, piqaRow, 2), 2],
  [form(hellaswag, habitRow, 4), 2],
  [form(winogrande, blankRow, 2), 2],
  [form(arcEasy, arcEasyRow, 4), 2],
  [form(arcEasy, arcChallengeRow, 4), 1],
  [form(socialIqa, socialRow, 3), 4],
  [form(boolq, boolqRow, 2), 3],
];

/** Some questions of several forms. */
function exercises(random: Random, split: TextSplit): string {
  return Array.from({ length: random.logBetween(2, 16) }, () => random.weighted(FORMS)(random, split)).join('\n\n');
}

function lastingText(random: Random): string {
  return paragraphs(random.sample(LASTING_SENTENCES, random.logBetween(12, 60)), random.between(4, 9));
}

/** The longer a story, the rarer, so that most of what is needed again lies within a training length of a few hundred. */
function anyStory(random: Random, split: TextSplit): string {
  return story(random, split, random.chance(0.95) ? random.logBetween(80, 500) : random.logBetween(500, 4000));
}

const WRITERS: readonly (readonly [Writer, number])[] = [
  [anyStory, 30],
  [exercises, 40],
  [lastingText, 8],
  [mqarText, 50],
  [needleText, 25],
  [listText, 120],
];

/** The k-th document has its own random stream, so that any of them can be written without those before it. */
function* documents(seed: number, split: TextSplit): Generator<string> {
  for (let k = 0; ; k++) {
    const random = new Random(seed, `${split} document ${k}`);
    yield random.weighted(WRITERS)(random, split);
  }
}

export default {
  name: 'mini',
  description: 'stories, exercises and recall in a small world of about 400 words',
  documents,
} satisfies TextGenerator;
