// A benchmark of a few invented rows, in any of the formats that data files have.
import { requestsDigest } from '../../src/tasks/requests-digest.js';
import type { Document, StoredDataset, StoredTask } from '../../src/tasks/task.js';
import { UserError } from '../../src/user-error.js';

export const tinyRows = [
  { question: 'Where does the grey heron stand?', choices: { text: ['in the reeds', 'on the tram'] }, answer: 0 },
  { question: 'What did Ulrike mend?', choices: { text: ['a cloud', 'the kettle', 'Tuesday'] }, answer: 1 },
  { question: 'Wer klopft da – ein 🦡?', choices: { text: ['der Dachs', 'das Meer'] }, answer: 0 },
];

export const tinyJsonl = tinyRows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** A task over `tinyRows`, or over rows with a text or a page. */
export function tinyTask(dataset: Partial<StoredDataset> = {}): StoredTask {
  return {
    name: 'tiny',
    aliases: [],
    version: '1.0',
    kind: 'loglikelihood',
    description: 'invented questions',
    metrics: ['acc'],
    paperColumns: [],
    dataset: { file: 'tiny/test.jsonl', hub: 'someone/tiny', split: 'test', rows: 3, digest: tinyDigest, ...dataset },
    document: render,
  };
}

function render(value: unknown, index: number, where: string): Document {
  const row = value as Record<string, unknown>;
  const context = row.question ?? row.text ?? row.page;
  if (typeof context !== 'string') throw new UserError('data', 'a row of tiny has no question', { where });
  const continuation = ` ${JSON.stringify([row.choices, row.answer])}`;
  return {
    kind: 'loglikelihood',
    index,
    row,
    requests: [{ kind: 'loglikelihood', context, continuation }],
    target: context,
  };
}

export const tinyDigest = requestsDigest(tinyRows.map((row, index) => render(row, index, '')));
