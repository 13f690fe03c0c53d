// HellaSwag: which of four endings follows (Zellers et al. 2019). Cleaning, prompt and metrics as lm-evaluation-harness
// 4e7e0d47 `hellaswag`.
import { z } from 'zod';
import { type ChoicesDefinition, defineTask } from '../../src/tasks/define-task.js';
import { capitalize } from '../../src/tasks/python-text.js';
import { clean } from './clean.js';

const row = z.object({
  activity_label: z.string(),
  ctx_a: z.string(),
  ctx_b: z.string(),
  endings: z.array(z.string()).length(4),
  /** A string on the hub, a number in the file of ActivityNet rows. */
  label: z.literal(['0', '1', '2', '3', 0, 1, 2, 3]),
});
type HellaswagRow = z.infer<typeof row>;

const query = ({ activity_label, ctx_a, ctx_b }: HellaswagRow) =>
  clean(`${activity_label}: ${ctx_a} ${capitalize(ctx_b)}`);
const choices = ({ endings }: HellaswagRow) => endings.map(clean);
const gold = ({ label }: HellaswagRow) => Number(label);

export const hellaswag = {
  name: 'hellaswag',
  version: '1.0',
  kind: 'multiple-choice',
  description: 'which of four endings follows what was seen or read (Zellers et al. 2019)',
  dataset: {
    file: 'hellaswag/validation.jsonl',
    partialFile: 'hellaswag/validation-activitynet.jsonl',
    hub: 'Rowan/hellaswag',
    split: 'validation',
    rows: 10042,
    // The rows from WikiHow (6,799) have been withdrawn from GitHub, so that there was no whole split to compute it from.
    digest: null,
    partialDigest: '8dbd545df423f53df009c8811a4a74bbc40992b22fb0fc5722cb6bdc0f2d27d1',
  },
  row,
  context: query,
  choices,
  gold,
  addedColumns: (row) => ({ query: query(row), choices: choices(row), gold: gold(row) }),
  metrics: ['acc', 'acc_norm'],
  paperColumns: [{ title: 'Hella', metric: 'acc_norm', order: 4, averaged: true }],
} satisfies ChoicesDefinition<HellaswagRow>;

export default defineTask(hellaswag);
