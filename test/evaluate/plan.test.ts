import test from 'ava';
import { createRequestEncoder } from '../../src/evaluate/request-encoder.js';
import { buildPlan } from '../../src/evaluate/plan.js';
import { byteTokenizer } from '../../src/tokenizers/byte-tokenizer.js';
import { UserError } from '../../src/user-error.js';
import { fakePlan, fakeTasks, planSettings, scorablePieces } from './fake-run.js';

test('each token of a rolling text is the target of one window, in the order of the text', async (t) => {
  const plan = await fakePlan();
  const pages = plan.tasks.find(({ task }) => task.name === 'pages')!;
  pages.documents.forEach((document, index) => {
    const targets = pages.pieces[index]![0]!.flatMap((piece) => piece.targets);
    t.is(byteTokenizer.decode(targets), String(document.target));
  });
  t.true(pages.pieces.some(([windows]) => windows!.length > 2));
});

test('no input is longer than the model takes, and the targets are read from its end', async (t) => {
  for (const { input, targets } of scorablePieces(await fakePlan())) {
    t.true(input.length <= planSettings.maxLength);
    t.deepEqual(input.slice(input.length - targets.length + 1), targets.slice(0, -1));
  }
});

test('requests whose context is cut are counted', async (t) => {
  const counts = async (maxLength: number) => (await fakePlan({ maxLength })).tasks.map(({ truncated }) => truncated);
  t.deepEqual(await counts(1000), [0, 0, 0, 0, 0, 0]);
  const [choices, , lastWord, pages] = await counts(48);
  t.true(choices! > 0);
  t.is(lastWord, 0);
  t.is(pages, 0);
});

test('a request whose continuation is longer than the longest input is unscorable, with the reason', async (t) => {
  const plan = await fakePlan({ maxLength: 10 });
  const reasons = plan.tasks[0]!.pieces.flat(2).map(({ unscorable }) => unscorable);
  t.true(reasons.includes(null));
  t.true(reasons.some((reason) => /longer than the longest input of 10/.test(reason ?? '')));
});

test('a limit from 1 on is a number of documents, below 1 a fraction that is rounded up', async (t) => {
  const documents = async (limit: number) => (await fakePlan({ limit })).tasks.map((task) => task.documents.length);
  t.deepEqual(await documents(5), [5, 5, 5, 4, 5, 5]);
  t.deepEqual(await documents(0.25), [4, 3, 2, 1, 3, 2]);
});

test('a task that the limit cuts is labelled so, a task that it does not cut is not', async (t) => {
  const plan = await fakePlan({ limit: 5 });
  t.deepEqual(
    plan.tasks.map(({ label }) => label),
    ['limit', 'limit', 'limit', null, 'limit', 'limit'],
  );
});

test('a token id that the model does not know is an error that names it', async (t) => {
  const error = await t.throwsAsync(fakePlan({ vocabularySize: 100 }), { instanceOf: UserError });
  t.is(error.kind, 'data');
  t.regex(error.message, /token id \d+ in choices document 0, request 0 is outside of the model's vocabulary of 100/);
});

test('two plans have one hash only if they ask the same', async (t) => {
  const { hash } = await fakePlan();
  t.is((await fakePlan()).hash, hash);
  const renamed = fakeTasks.map((task) => ({ ...task, digest: 'f'.repeat(64) }));
  const others = [
    fakePlan({ limit: 3 }),
    fakePlan({ batchSize: '8' }),
    fakePlan({ bosPolicy: 'never' }),
    fakePlan({ maxLength: 47 }),
    fakePlan({ tokenizerFingerprint: 'another' }),
    fakePlan({}, fakeTasks.slice(1)),
    fakePlan({}, renamed),
  ];
  const hashes = [hash, ...(await Promise.all(others)).map((plan) => plan.hash)];
  t.is(new Set(hashes).size, hashes.length);
});

test('pairs whose tokens merge over the boundary are counted', async (t) => {
  const encoder = createRequestEncoder({ tokenizer: byteTokenizer, options: { bos: 'auto' }, maxLength: 48 });
  const merging = {
    ...encoder,
    pair: (context: string, continuation: string) => ({
      ...encoder.pair(context, continuation),
      boundaryMerge: continuation === ' violin',
    }),
  };
  const plan = await buildPlan(fakeTasks.slice(0, 1), async () => merging, planSettings);
  const expected = fakeTasks[0]!.documents
    .flatMap(({ requests }) => requests)
    .filter((request) => request.kind === 'loglikelihood' && request.continuation === ' violin');
  t.is(plan.tasks[0]!.boundaryMerges, expected.length);
});
