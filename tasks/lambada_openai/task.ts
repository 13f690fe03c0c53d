// LAMBADA: the last word of a passage that needs more than its last sentence (Paperno et al. 2016), in the cased, untokenised
// text that OpenAI evaluated GPT-2 on. Prompt and metrics as lm-evaluation-harness 4e7e0d47 `lambada_openai`.
import { z } from 'zod';
import { defineTask, type LoglikelihoodDefinition } from '../../src/tasks/define-task.js';

const row = z.object({ text: z.string().min(1) });

/** What both variants of LAMBADA share. A word is what stands after a single space, so that double spaces are kept. */
export const lambada = {
  kind: 'loglikelihood',
  version: '1.0',
  row,
  context: ({ text }) => text.split(' ').slice(0, -1).join(' '),
  continuation: ({ text }) => ` ${text.split(' ').at(-1)!}`,
  metrics: ['perplexity', 'acc'],
} satisfies Partial<LoglikelihoodDefinition<z.infer<typeof row>>>;

export const lambadaOpenai = {
  ...lambada,
  name: 'lambada_openai',
  aliases: ['lambada'],
  description: 'last word of a passage from a novel, text as OpenAI prepared it (Paperno et al. 2016)',
  dataset: {
    file: 'lambada/lambada_openai-test.jsonl',
    hub: 'EleutherAI/lambada_openai',
    config: 'default',
    split: 'test',
    rows: 5153,
    digest: '4382ebe63b62c8fb373defdd4b149f9104a6f4294d800ab5aa7a94106a5e7398',
  },
  paperColumns: [
    { title: 'LMB ppl', metric: 'perplexity', order: 1, averaged: false },
    { title: 'LMB acc', metric: 'acc', order: 2, averaged: true },
  ],
} satisfies LoglikelihoodDefinition<z.infer<typeof row>>;

export default defineTask(lambadaOpenai);
