import test from 'ava';
import { sampleRow, samplesJsonl, taskHash, type ScoredDocument } from '../../src/report/samples.js';

const prompt = 'Question: Dry a wet "boot"\n\nAnswer:';
const boot: ScoredDocument = {
  document: {
    kind: 'multiple-choice',
    index: 7,
    row: {
      goal: 'Dry a wet "boot"\n',
      sol1: 'Stuff it with paper – naïvely.',
      sol2: 'Fill it with soup 🍲.\t\u007f\u0001',
      label: 0,
      tags: ['a', ['b'], []],
      none: null,
      yes: true,
    },
    requests: [
      { kind: 'loglikelihood', context: prompt, continuation: ' Stuff it' },
      { kind: 'loglikelihood', context: prompt, continuation: ' Fill it' },
    ],
    target: 0,
    choices: ['Stuff it', 'Fill it'],
    gold: 0,
  },
  scores: [
    { logprob: -3, greedy: true, tokens: 3 },
    { logprob: -12.25, greedy: false, tokens: 3 },
  ],
  values: { acc: 1, acc_norm: 1, acc_bytes: 1 },
};
const page: ScoredDocument = {
  document: {
    kind: 'rolling',
    index: 0,
    row: { page: 'The mill turns .' },
    requests: [{ kind: 'rolling', text: 'The mill turns.' }],
    target: 'The mill turns.',
    words: 4,
    bytes: 16,
  },
  scores: [{ logprob: -20.5, greedy: false, tokens: 5 }],
  values: { word_perplexity: [-20.5, 4] },
};

// Made with Python 3.11: hashlib.sha256 of json.dumps(doc, indent=2, ensure_ascii=False), of the prompt and of str(0).
const DOC_HASH = '35db0121c2942bd83e83663b03c39f86895a277c1db076c5595132617746f72a';
const PROMPT_HASH = 'a1182adcb742cfd9cb500da20b5c68084abf4b21fc620718daab09f4b83c959c';
const TARGET_HASH = '5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9';
const TASK_HASH_OF_TWO = '89d18cbc44222ccb0dc51dc8711cc45c16c5815071f2d596e2d88f005f18c820';

test("the three hashes of a sample are Python's", (t) => {
  const row = sampleRow(boot, ['acc']);
  t.is(row.doc_hash, DOC_HASH);
  t.is(row.prompt_hash, PROMPT_HASH);
  t.is(row.target_hash, TARGET_HASH);
});

test('the hash of a task covers the hashes of all its samples', (t) => {
  const row = sampleRow(boot, ['acc']);
  t.is(taskHash([row, row]), TASK_HASH_OF_TWO);
});

test("a multiple-choice row has lm-eval's shape", (t) => {
  const { doc, doc_hash, prompt_hash, target_hash, ...row } = sampleRow(boot, ['acc', 'acc_norm']);
  t.is(doc, boot.document.row);
  t.true([doc_hash, prompt_hash, target_hash].every((hash) => /^[0-9a-f]{64}$/.test(hash)));
  t.deepEqual(row, {
    doc_id: 7,
    target: '0',
    arguments: {
      gen_args_0: { arg_0: prompt, arg_1: ' Stuff it' },
      gen_args_1: { arg_0: prompt, arg_1: ' Fill it' },
    },
    resps: [[['-3.0', 'True']], [['-12.25', 'False']]],
    filtered_resps: [
      ['-3.0', 'True'],
      ['-12.25', 'False'],
    ],
    filter: 'none',
    metrics: ['acc', 'acc_norm'],
    acc: 1,
    acc_norm: 1,
  });
});

test('a rolling row has one log-likelihood, and its metric as log-likelihood and weight', (t) => {
  const row = sampleRow(page, ['word_perplexity']);
  t.deepEqual(row.arguments, { gen_args_0: { arg_0: 'The mill turns.' } });
  t.deepEqual(row.resps, [['-20.5']]);
  t.deepEqual(row.word_perplexity, [-20.5, 4]);
});

test('a samples file has one JSON object a line', (t) => {
  const rows = [sampleRow(boot, ['acc']), sampleRow(page, ['word_perplexity'])];
  const lines = samplesJsonl(rows, 'full').split('\n');
  t.is(lines.pop(), '');
  t.deepEqual(
    lines.map((line): unknown => JSON.parse(line)),
    rows,
  );
});

test('a samples file without texts keeps hashes and scores', (t) => {
  const row = sampleRow(boot, ['acc']);
  const kept = JSON.parse(samplesJsonl([row], 'scores')) as Partial<typeof row>;
  const { doc, target, arguments: asked, ...rest } = row;
  t.deepEqual(kept, rest);
  t.truthy([doc, target, asked]);
});
