import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { createRollingEncoder, rollingWindows } from '../../src/evaluate/rolling-windows.js';
import { packageRoot } from '../../src/package-root.js';
import { tokenizerFromJson } from '../../src/tokenizers/tokenizer-json.js';
import { noSettings, tinyBpe } from '../tokenizers/tiny-tokenizers.js';

interface GoldenWindows {
  n: number;
  max_seq_len: number;
  context_len: number;
  prefix: number;
  windows: [context: number[], continuation: number[]][];
}

const golden = JSON.parse(readFileSync(path.join(packageRoot, 'test/fixtures/lm_eval_golden.json'), 'utf8')) as {
  rolling: GoldenWindows[];
};
const range = (n: number): number[] => Array.from({ length: n }, (_, index) => index);

for (const { n, max_seq_len, context_len, prefix, windows } of golden.rolling)
  test(`${n} tokens in windows of ${max_seq_len} with a context of ${context_len} are cut as lm-eval cuts them`, (t) => {
    const expected = windows.map(([context, continuation]) => ({ context, continuation }));
    t.deepEqual(rollingWindows(range(n), prefix, max_seq_len, context_len), expected);
  });

test('each token is predicted once, in order, after the tokens that precede it, in an input that fits', (t) => {
  for (let n = 0; n <= 40; n += 1)
    for (let maxLength = 1; maxLength <= 13; maxLength += 1)
      for (const contextLength of [1, Math.ceil(maxLength / 2), maxLength]) {
        const windows = rollingWindows(range(n), -1, maxLength, contextLength);
        t.deepEqual(
          windows.flatMap((window) => window.continuation),
          range(n),
        );
        for (const { context, continuation } of windows) {
          const first = continuation[0]!;
          t.deepEqual(
            context,
            range(n + 1)
              .map((id) => id - 1)
              .slice(first + 1 - context.length, first + 1),
          );
          t.true(context.length >= 1 && context.length + continuation.length <= maxLength + 1);
        }
      }
});

test('a context that is empty or longer than the window is refused', (t) => {
  t.throws(() => rollingWindows([1], 0, 4, 0), { instanceOf: RangeError });
  t.throws(() => rollingWindows([1], 0, 4, 5), { instanceOf: RangeError });
});

test('a BOS that the tokenizer adds is scored for compatibility with lm-eval only', (t) => {
  const tokenizerConfig = { add_bos_token: true, bos_token: '<|endoftext|>' };
  const tokenizer = tokenizerFromJson(tinyBpe, { ...noSettings, tokenizerConfig }, 'tokenizer.json');
  t.deepEqual(createRollingEncoder(tokenizer, { bos: 'auto' })('ab'), [4]);
  t.deepEqual(createRollingEncoder(tokenizer, { bos: 'always' })('ab'), [4]);
  t.deepEqual(createRollingEncoder(tokenizer, { bos: 'auto', compat: 'lm-eval' })('ab'), [7, 4]);
  t.deepEqual(createRollingEncoder(tokenizer, { bos: 'never', compat: 'lm-eval' })('ab'), [4]);
});
