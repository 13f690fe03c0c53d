import test from 'ava';
import { swatEval } from './spawn.js';

test('show prints context, continuations, token ids and the gold answer, with white space made visible', async (t) => {
  const { code, stdout, stderr } = await swatEval(['show', 'boolq', '--doc', '1', '--fixtures']);
  t.is(code, 0);
  t.is(stderr, '');
  t.regex(stdout, /^boolq, document 1 of 0 to \d+/);
  t.regex(stdout, /\?↵\n {2}Answer:\n/);
  t.regex(stdout, /continuation 0: after token \d+, 2 characters, 2 bytes\n {2}·no\n {2}3 tokens: 32 110 111\n/);
  t.regex(stdout, /continuation 1 \(gold\)/);
});

test('show --json has the same as data', async (t) => {
  const { stdout } = await swatEval(['show', 'winogrande', '--fixtures', '--json']);
  const shown = JSON.parse(stdout) as { requests: { context: string; contextTokens: number[] }[]; gold: number };
  t.is(shown.requests.length, 2);
  t.true(shown.gold === 0 || shown.gold === 1);
  for (const { context, contextTokens } of shown.requests) t.is(Buffer.from(contextTokens).toString(), context);
});

test('show cuts a rolling text into windows of the longest input', async (t) => {
  const { stdout } = await swatEval(['show', 'wikitext', '--fixtures', '--json', '--max-length', '100']);
  const { requests } = JSON.parse(stdout) as { requests: { text: string; windows: number[][] }[] };
  t.true(requests[0]!.windows.every((window) => window.length <= 100));
  t.is(Buffer.from(requests[0]!.windows.flat()).toString(), requests[0]!.text);
});

test('a document that is not there is a usage error', async (t) => {
  const { code, stderr } = await swatEval(['show', 'piqa', '--doc', '5000', '--fixtures']);
  t.is(code, 2);
  t.regex(stderr, /piqa has documents 0 to \d+, not 5000/);
});

test('a group is not one task', async (t) => {
  const { code, stderr } = await swatEval(['show', 'commonsense', '--fixtures']);
  t.is(code, 2);
  t.regex(stderr, /commonsense is 8 tasks/);
});

test('what the package writes itself is shown without data or network', async (t) => {
  const { code, stdout } = await swatEval(['show', 'mini_piqa', '--doc', '3', '--data-dir', '/nowhere']);
  t.is(code, 0);
  t.regex(stdout, /^mini_piqa, document 3 of 0 to 239 \(tasks\/mini, seed 1\)\n/);
});
