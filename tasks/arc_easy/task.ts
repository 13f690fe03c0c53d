// ARC-Easy: grade-school science questions (Clark et al. 2018). Prompt and metrics as lm-evaluation-harness 4e7e0d47 `arc_easy`.
import { z } from 'zod';
import { type ChoicesDefinition, defineTask } from '../../src/tasks/define-task.js';

const row = z
  .object({
    question: z.string(),
    choices: z.object({ text: z.array(z.string()).min(2), label: z.array(z.string()) }),
    answerKey: z.string(),
  })
  .refine(({ choices }) => choices.label.length === choices.text.length, {
    path: ['choices', 'label'],
    error: 'expected a label for each text',
  })
  .refine(({ choices, answerKey }) => choices.label.includes(answerKey), {
    path: ['answerKey'],
    error: 'expected one of choices.label',
  });

export type ArcRow = z.infer<typeof row>;

/** What both sets of ARC share. The labels of a question are A-E or 1-5; its right answer is a position. */
export const arc = {
  kind: 'multiple-choice',
  version: '1.0',
  row,
  context: ({ question }) => `Question: ${question}\nAnswer:`,
  choices: ({ choices }) => choices.text,
  gold: ({ choices, answerKey }) => choices.label.indexOf(answerKey),
  metrics: ['acc', 'acc_norm'],
} satisfies Partial<ChoicesDefinition<ArcRow>>;

export const arcEasy = {
  ...arc,
  name: 'arc_easy',
  aliases: ['arc-e'],
  description: 'grade-school science questions, 3 to 5 choices (Clark et al. 2018)',
  dataset: {
    file: 'arc/ARC-Easy-test.jsonl',
    hub: 'allenai/ai2_arc',
    config: 'ARC-Easy',
    split: 'test',
    rows: 2376,
    digest: '185f9ccfdd26d07d74ba485e8bffd15d7016f4d02e017b55f2f05312d485293f',
  },
  paperColumns: [{ title: 'ARC-e', metric: 'acc', order: 6, averaged: true }],
} satisfies ChoicesDefinition<ArcRow>;

export default defineTask(arcEasy);
