// ARC-Challenge: the grade-school science questions that word statistics get wrong (Clark et al. 2018). As
// lm-evaluation-harness 4e7e0d47 `arc_challenge`, which includes `arc_easy`.
import { type ChoicesDefinition, defineTask } from '../../src/tasks/define-task.js';
import { arc, type ArcRow } from '../arc_easy/task.js';

export const arcChallenge = {
  ...arc,
  name: 'arc_challenge',
  aliases: ['arc-c'],
  description: 'harder grade-school science questions, 3 to 5 choices (Clark et al. 2018)',
  dataset: {
    file: 'arc/ARC-Challenge-test.jsonl',
    hub: 'allenai/ai2_arc',
    config: 'ARC-Challenge',
    split: 'test',
    rows: 1172,
    digest: '6e30c0cf9d9d47fe23ba1b5089b4d783b08f005852a2958c809ebac9975ac0db',
  },
  paperColumns: [{ title: 'ARC-c', metric: 'acc_norm', order: 7, averaged: true }],
} satisfies ChoicesDefinition<ArcRow>;

export default defineTask(arcChallenge);
