import test from 'ava';
import { Mt19937 } from '../../src/metrics/mt19937.js';
import { golden } from './lm-eval-golden.js';

for (const { seed, random, choices10 } of golden.mt19937) {
  test(`seed ${seed} gives the doubles of Python's random()`, (t) => {
    const generator = new Mt19937(seed);
    t.deepEqual(
      random.map(() => generator.random()),
      random,
    );
  });

  test(`seed ${seed} gives the indices of Python's choices()`, (t) => {
    const generator = new Mt19937(seed);
    t.deepEqual(
      choices10.map(() => generator.choice(10)),
      choices10,
    );
  });
}

test('a seed above 2^32 is split into words as Python does', (t) => {
  // python3 -c "import random; print(random.Random(2**40 + 12345).random())"
  t.is(new Mt19937(2 ** 40 + 12345).random(), 0.31036222241287226);
});
