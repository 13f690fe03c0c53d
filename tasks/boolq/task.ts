// BoolQ: yes or no questions that people asked, with a passage that answers them (Clark et al. 2019), in the form of SuperGLUE.
// Prompt and metrics as lm-evaluation-harness 4e7e0d47 `boolq`.
import { z } from 'zod';
import { type ChoicesDefinition, defineTask } from '../../src/tasks/define-task.js';

const row = z.object({ question: z.string(), passage: z.string(), label: z.literal([0, 1]) });

export const boolq = {
  name: 'boolq',
  version: '2.0',
  kind: 'multiple-choice',
  description: 'yes or no questions about a passage (Clark et al. 2019)',
  dataset: {
    file: 'boolq/validation.jsonl',
    hub: 'aps/super_glue',
    config: 'boolq',
    split: 'validation',
    rows: 3270,
    digest: 'aff9756e3850b0e530781ec4c47445c6dc80c7bc7b09234bb275dd4b67591d9f',
  },
  row,
  context: ({ question, passage }) => `${passage}\nQuestion: ${question}?\nAnswer:`,
  choices: () => ['no', 'yes'],
  gold: ({ label }) => label,
  metrics: ['acc'],
  paperColumns: [{ title: 'BoolQ', metric: 'acc', order: 9, averaged: true }],
} satisfies ChoicesDefinition<z.infer<typeof row>>;

export default defineTask(boolq);
