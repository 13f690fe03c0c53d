// WinoGrande: which of two nouns a pronoun stands for (Sakaguchi et al. 2020). Partial evaluation as lm-evaluation-harness
// 4e7e0d47 `winogrande`: the rest of the sentence is scored after each of the two.
import { z } from 'zod';
import { type ContextsDefinition, defineTask } from '../../src/tasks/define-task.js';
import { strip } from '../../src/tasks/python-text.js';

const BLANK = '_';

const row = z.object({
  sentence: z.string().includes(BLANK, { error: `expected a "${BLANK}" for the blank` }),
  option1: z.string(),
  option2: z.string(),
  answer: z.literal(['1', '2']),
});

export const winogrande = {
  name: 'winogrande',
  version: '1.0',
  kind: 'multiple-choice',
  description: 'which of two nouns fills the blank of a sentence (Sakaguchi et al. 2020)',
  dataset: {
    file: 'winogrande/winogrande_xl-validation.jsonl',
    hub: 'allenai/winogrande',
    config: 'winogrande_xl',
    split: 'validation',
    rows: 1267,
    digest: 'e72a9b8805fb4aa029d4aafc540d64251e44b1d069a0b2fda967026299b2552f',
  },
  row,
  contexts: ({ sentence, option1, option2 }) => {
    const before = sentence.slice(0, sentence.indexOf(BLANK));
    return [before + option1, before + option2];
  },
  continuation: ({ sentence }) => strip(sentence.slice(sentence.indexOf(BLANK) + BLANK.length)),
  gold: ({ answer }) => Number(answer) - 1,
  metrics: ['acc'],
  paperColumns: [{ title: 'Wino', metric: 'acc', order: 5, averaged: true }],
} satisfies ContextsDefinition<z.infer<typeof row>>;

export default defineTask(winogrande);
