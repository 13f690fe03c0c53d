// The n-gram baseline against probabilities computed by hand from Chen and Goodman's formulas.
import test from 'ava';
import { NgramModel } from '../../../src/evaluate/ngram/ngram-model.js';
import { ngramScorer } from '../../../src/evaluate/ngram/ngram-scorer.js';
import { plainBatch } from '../../../src/evaluate/scorer.js';

function after(model: NgramModel, ...context: number[]): number[] {
  const probabilities = new Float64Array(model.vocabularySize);
  model.distribution(
    context.reduce((state, token) => model.advance(state, token), model.start),
    probabilities,
  );
  return [...probabilities];
}

function closeTo(actual: readonly number[], expected: readonly number[]): boolean {
  return actual.every((value, k) => Math.abs(value - expected[k]!) < 1e-12);
}

/** a b a b a c: too short for counts of counts, so that the discounts are 0.5, 1 and 1.5. */
const small = new NgramModel([0, 1, 0, 1, 0, 2], 2, 4);

test('the shortest context counts what a token is preceded by, not how often it occurs', (t) => {
  // a after nothing and b, b after a, c after a: (2 - 1) / 4, (1 - 0.5) / 4, (1 - 0.5) / 4, and 2 / 4 of 1 / 4 for each.
  t.true(closeTo(after(small), [0.375, 0.25, 0.25, 0.125]));
});

test('a longer context takes its discounted share and leaves the rest to the shorter one', (t) => {
  // After a: b twice, c once of three, and 1.5 / 3 left.
  t.true(closeTo(after(small, 0), [0.1875, 1 / 3 + 0.125, 1 / 6 + 0.125, 0.0625]));
  // After b: a twice of two, and 1 / 2 left.
  t.true(closeTo(after(small, 1), [0.5 + 0.1875, 0.125, 0.125, 0.0625]));
});

test('a context that nothing followed, or that never was, says what the shorter one says', (t) => {
  t.deepEqual(after(small, 2), after(small));
  t.deepEqual(after(small, 3), after(small));
  const longer = new NgramModel([0, 1, 0, 1, 0, 2], 3, 4);
  t.deepEqual(after(longer, 2, 1), after(longer, 1));
});

test('discounts come from how many n-grams occur once, twice, three and four times', (t) => {
  // 4 once, 2 twice, 1 thrice, 1 four times: Y = 0.5, D = 0.5, 1.25, 1; of 15 tokens 6.5 are left to the uniform distribution.
  const model = new NgramModel([0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 6, 7, 7, 7, 7], 1, 10);
  const uniform = 6.5 / 15 / 10;
  const expected = [0.5, 0.5, 0.5, 0.5, 0.75, 0.75, 2, 3, 0, 0].map((share) => share / 15 + uniform);
  t.true(closeTo(after(model), expected));
});

test('probabilities sum to one and none is zero, for any order and any context', (t) => {
  let seed = 1;
  const below = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
  for (let order = 1; order <= 6; order++) {
    const stream = Array.from({ length: 400 }, () => below(3) * below(4));
    const model = new NgramModel(stream, order, 12);
    for (let k = 0; k < 50; k++) {
      const start = below(390);
      const context = k % 2 === 0 ? stream.slice(start, start + order + 1) : [below(12), below(12), below(12)];
      const probabilities = after(model, ...context);
      t.true(Math.abs(probabilities.reduce((sum, p) => sum + p, 0) - 1) < 1e-12);
      t.true(probabilities.every((p) => p > 0));
    }
  }
});

test('the scorer sums the logarithms of the targets, and says whether each was the likeliest', async (t) => {
  const row = { input: [2, 0, 1], queries: [{ targets: [1, 0] }, { targets: [3] }, { targets: [0, 1, 0] }] };
  const [scores] = await ngramScorer(small, 100).score(plainBatch([row]));
  const p = (token: number, ...context: number[]) => Math.log(after(small, ...context)[token]!);
  const expected = [p(1, 0) + p(0, 1), p(3, 1), p(0, 2) + p(1, 0) + p(0, 1)];
  t.true(closeTo(scores!.map(({ logprob }) => logprob), expected)); // prettier-ignore
  t.deepEqual(scores!.map(({ greedy }) => greedy), [true, false, true]); // prettier-ignore
});
