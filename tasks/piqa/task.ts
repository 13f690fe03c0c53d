// PIQA: which of two ways to reach an everyday goal works (Bisk et al. 2020). Prompt and metrics as lm-evaluation-harness
// 4e7e0d47 `piqa`.
import { z } from 'zod';
import { type ChoicesDefinition, defineTask } from '../../src/tasks/define-task.js';

const row = z.object({ goal: z.string(), sol1: z.string(), sol2: z.string(), label: z.literal([0, 1]) });

export const piqa = {
  name: 'piqa',
  version: '1.0',
  kind: 'multiple-choice',
  description: 'which of two ways to reach an everyday goal works (Bisk et al. 2020)',
  dataset: {
    file: 'piqa/validation.jsonl',
    hub: 'baber/piqa',
    split: 'validation',
    rows: 1838,
    digest: 'f26dff2463c08ecfe075eab523454932a086ed23d7437968af0a4a67bac7801e',
  },
  row,
  context: ({ goal }) => `Question: ${goal}\nAnswer:`,
  choices: ({ sol1, sol2 }) => [sol1, sol2],
  gold: ({ label }) => label,
  metrics: ['acc', 'acc_norm'],
  paperColumns: [{ title: 'PIQA', metric: 'acc', order: 3, averaged: true }],
} satisfies ChoicesDefinition<z.infer<typeof row>>;

export default defineTask(piqa);
