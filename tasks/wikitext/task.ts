// WikiText-2, raw, by page (Merity et al. 2017): perplexity of encyclopedia articles. Text, weights and metrics as
// lm-evaluation-harness 4e7e0d47 `wikitext`; perplexity per token is ours.
import { z } from 'zod';
import { defineTask, type RollingDefinition } from '../../src/tasks/define-task.js';
import { detokenize } from './detokenize.js';

const row = z.object({ page: z.string() });

export const wikitext = {
  name: 'wikitext',
  version: '2.0',
  kind: 'rolling',
  description: 'perplexity of Wikipedia articles, WikiText-2 raw (Merity et al. 2017)',
  dataset: {
    file: 'wikitext-2-raw/wiki.test.raw',
    text: 'wikitext-pages',
    hub: 'EleutherAI/wikitext_document_level',
    config: 'wikitext-2-raw-v1',
    split: 'test',
    rows: 62,
    digest: '30b3568d6c7fc41e453b779f14244c35b5ad81f31c947a291f8c1a22ca1a3baa',
  },
  row,
  original: ({ page }) => page,
  text: ({ page }) => detokenize(page),
  metrics: ['word_perplexity', 'byte_perplexity', 'bits_per_byte', 'token_perplexity'],
  paperColumns: [{ title: 'Wiki ppl', metric: 'word_perplexity', order: 0, averaged: false }],
} satisfies RollingDefinition<z.infer<typeof row>>;

export default defineTask(wikitext);
