import test from 'ava';
import { Mt19937 } from '../../src/metrics/mt19937.js';
import { summarizeMetric } from '../../src/metrics/summarize-metric.js';
import { golden } from './lm-eval-golden.js';

const delta = { bootstrapIterations: 0, confidence: 0.95 };
const bootstrap = { bootstrapIterations: 4000, confidence: 0.95 };

/** Documents of 20 to 220 words with about 3.5 nats a word, the same on every run. */
function corpus(documents: number): [number, number][] {
  const random = new Mt19937(7);
  return Array.from({ length: documents }, () => {
    const words = 20 + random.choice(200);
    return [-words * (3 + random.random()), words];
  });
}

test('accuracy comes with the standard error of lm-eval and a Wilson interval', (t) => {
  const { value, stderr, interval, higherIsBetter } = summarizeMetric('acc', golden.stderr.acc, delta);
  t.is(value, golden.stderr.mean);
  t.is(stderr, golden.stderr.stderr);
  t.deepEqual(
    interval!.map((bound) => bound.toFixed(4)),
    ['0.3057', '0.8632'],
  );
  t.true(higherIsBetter);
});

test('an accuracy is not bootstrapped, as in lm-eval', (t) => {
  t.is(summarizeMetric('acc', golden.stderr.acc, bootstrap).stderr, golden.stderr.stderr);
});

test('a perplexity is bootstrapped on demand with the digits of lm-eval', (t) => {
  const { ll, iters, ppl, stderr } = golden.bootstrap_ppl;
  const result = summarizeMetric('perplexity', ll, { bootstrapIterations: iters, confidence: 0.95 });
  t.is(result.value, ppl);
  t.is(result.stderr, stderr);
});

test('delta method and bootstrap agree on many documents', (t) => {
  const logprobs = corpus(300).map(([logprob]) => logprob / 100);
  const ratio =
    summarizeMetric('perplexity', logprobs, delta).stderr! / summarizeMetric('perplexity', logprobs, bootstrap).stderr!;
  t.true(Math.abs(ratio - 1) < 0.05, `${ratio}`);
});

for (const name of ['word_perplexity', 'byte_perplexity', 'token_perplexity', 'bits_per_byte'] as const) {
  test(`${name} has a standard error, by ratio estimator and by bootstrap over documents, which agree`, (t) => {
    const documents = corpus(300);
    const byFormula = summarizeMetric(name, documents, delta);
    const byBootstrap = summarizeMetric(name, documents, bootstrap);
    t.is(byFormula.value, byBootstrap.value);
    t.true(Math.abs(byFormula.stderr! / byBootstrap.stderr! - 1) < 0.05, `${byFormula.stderr} ${byBootstrap.stderr}`);
  });
}

test('a corpus perplexity divides sums, so that a long document counts more', (t) => {
  const { value } = summarizeMetric(
    'word_perplexity',
    [
      [-1, 1],
      [-30, 9],
    ],
    delta,
  );
  t.is(value, Math.exp(3.1));
});

test('bits per byte and byte perplexity are one quantity, with one interval', (t) => {
  const documents = corpus(50);
  const bits = summarizeMetric('bits_per_byte', documents, delta);
  const bytes = summarizeMetric('byte_perplexity', documents, delta);
  t.true(Math.abs(2 ** bits.value - bytes.value) < 1e-9);
  t.true(Math.abs(2 ** bits.interval![1] - bytes.interval![1]) < 1e-9);
});

test('a word perplexity of equal documents is certain', (t) => {
  t.is(
    summarizeMetric(
      'word_perplexity',
      [
        [-6, 2],
        [-12, 4],
      ],
      delta,
    ).stderr,
    0,
  );
});

test('one document has a value and no standard error', (t) => {
  const { value, stderr, interval } = summarizeMetric('perplexity', [-1], bootstrap);
  t.is(value, Math.E);
  t.is(stderr, null);
  t.is(interval, null);
});

test('an interval grows with its confidence', (t) => {
  const width = (confidence: number) => {
    const [low, high] = summarizeMetric('perplexity', golden.bootstrap_ppl.ll, {
      bootstrapIterations: 0,
      confidence,
    }).interval!;
    return high - low;
  };
  t.true(width(0.99) > width(0.95));
});
