// Social IQa: what people in a situation feel, want or do next (Sap et al. 2019). Prompt and metrics as lm-evaluation-harness
// 4e7e0d47 `social_iqa`.
import { z } from 'zod';
import { type ChoicesDefinition, defineTask } from '../../src/tasks/define-task.js';

const row = z.object({
  context: z.string(),
  question: z.string(),
  answerA: z.string(),
  answerB: z.string(),
  answerC: z.string(),
  label: z.literal(['1', '2', '3']),
});

export const socialIqa = {
  name: 'social_iqa',
  aliases: ['siqa'],
  version: '0.0',
  kind: 'multiple-choice',
  description: 'what people in a situation feel, want or do next (Sap et al. 2019)',
  dataset: {
    file: 'siqa/validation.jsonl',
    hub: 'lighteval/siqa',
    split: 'validation',
    rows: 1954,
    digest: '97d862c16ac027612241526702092b39c6f7be58efeade89a2fb07e0d3b6d1b9',
  },
  row,
  context: ({ context, question }) => `Q: ${context} ${question}\nA:`,
  choices: ({ answerA, answerB, answerC }) => [answerA, answerB, answerC],
  gold: ({ label }) => Number(label) - 1,
  metrics: ['acc'],
  paperColumns: [{ title: 'SIQA', metric: 'acc', order: 8, averaged: true }],
} satisfies ChoicesDefinition<z.infer<typeof row>>;

export default defineTask(socialIqa);
