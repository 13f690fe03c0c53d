import test from 'ava';
import { documentValues } from '../../src/metrics/document-values.js';
import type { Document, RequestScore } from '../../src/tasks/task.js';

const base = { index: 0, row: {}, target: '' };
const request = { kind: 'loglikelihood', context: 'The lamp', continuation: ' glows' } as const;
const score = (logprob: number, greedy = false, tokens = 1): RequestScore => ({ logprob, greedy, tokens });

test('a multiple-choice document is right by sum, by character or by byte', (t) => {
  const document: Document = {
    ...base,
    kind: 'multiple-choice',
    requests: [request, request],
    choices: ['no', 'certainly'],
    gold: 1,
  };
  t.deepEqual(documentValues(document, [score(-2), score(-4)]), { acc: 0, acc_norm: 1, acc_bytes: 1 });
});

test('a last-word document keeps its log-likelihood and whether it was greedy', (t) => {
  const document: Document = { ...base, kind: 'loglikelihood', requests: [request] };
  t.deepEqual(documentValues(document, [score(-3.5, true, 2)]), { perplexity: -3.5, acc: 1 });
});

test('a rolling document is weighed in words, bytes and tokens of one pass', (t) => {
  const document: Document = {
    ...base,
    kind: 'rolling',
    requests: [{ kind: 'rolling', text: 'Rain fell.' }],
    words: 2,
    bytes: 10,
  };
  t.deepEqual(documentValues(document, [score(-9, false, 4)]), {
    word_perplexity: [-9, 2],
    byte_perplexity: [-9, 10],
    bits_per_byte: [-9, 10],
    token_perplexity: [-9, 4],
  });
});

test('a missing score is refused', (t) => {
  const document: Document = { ...base, kind: 'loglikelihood', requests: [request] };
  t.throws(() => documentValues(document, []), { message: /0 scores for 1 requests/ });
});
