import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { startRuns } from '../../src/evaluate/run-models.js';
import type { RunOutcome } from '../../src/evaluate/run-models.js';
import { modelSlug } from '../../src/evaluate/run-directory.js';
import { UserError } from '../../src/user-error.js';
import {
  completed,
  fakeEnvironment,
  fakeModel,
  fakePlan,
  fakeScorer,
  fakeSettings,
  readJson,
  temporaryDirectory,
  tokensInMemory,
  withoutTimings,
} from './fake-run.js';
import type { FakeModelOptions } from './fake-run.js';

/** Summary and samples, less the batch size that made them. */
function numbers(outcome: RunOutcome | undefined): object {
  const { result } = completed(outcome);
  return withoutTimings({ ...result, summary: { ...result.summary, batchSize: '', runId: '' } });
}

test('results do not depend on the batch size or the token budget', async (t) => {
  const run = async (batchSize: (typeof fakeSettings)['batchSize'], model: FakeModelOptions = {}) =>
    numbers((await startRuns({ ...fakeSettings, batchSize }, temporaryDirectory(t), fakeEnvironment(model)))[0]);
  const reference = await run({ kind: 'auto' });
  t.deepEqual(await run({ kind: 'rows', rows: 1 }), reference);
  t.deepEqual(await run({ kind: 'rows', rows: 9 }), reference);
  t.deepEqual(await run({ kind: 'tokens', tokens: 150 }), reference);
  t.deepEqual(await run({ kind: 'auto' }, { tokenBudget: 60 }), reference);
});

test('a batch that the device has no room for is halved until it fits, with the same results', async (t) => {
  const run = async (model: FakeModelOptions) =>
    numbers((await startRuns(fakeSettings, temporaryDirectory(t), fakeEnvironment(model)))[0]);
  t.deepEqual(await run({ capacity: 70 }), await run({}));
});

test('after one halving, batches of that kind and size are halved without asking the device again', async (t) => {
  let refused = 0;
  const capacity = 100;
  const onBatch: FakeModelOptions['onBatch'] = (batch) => {
    if (tokensInMemory(batch) > capacity) refused += 1;
  };
  await startRuns(fakeSettings, temporaryDirectory(t), fakeEnvironment({ capacity, onBatch, tokenBudget: 400 }));
  t.true(refused > 0 && refused <= 8, `${refused} batches were refused`);
});

test('forked or not, the scores are the same, and the tokens fed and saved add up', async (t) => {
  const run = async (fork: boolean) =>
    completed((await startRuns({ ...fakeSettings, fork }, temporaryDirectory(t), fakeEnvironment()))[0]);
  const [forked, plain] = [await run(true), await run(false)];
  t.deepEqual(forked.result.samples, plain.result.samples);
  const saved = forked.result.summary.tasks.map(({ savedTokens }) => savedTokens);
  for (const [index, task] of forked.result.summary.tasks.entries())
    t.is(task.inputTokens + task.savedTokens, plain.result.summary.tasks[index]!.inputTokens);
  t.deepEqual(saved.slice(0, 4), [0, 0, 0, 0]);
  t.true(saved[4]! > 0 && saved[5]! > 0);
  const total = saved.reduce((sum, tokens) => sum + tokens, 0);
  t.is(forked.result.summary.savedTokens, total);
  t.is(plain.result.summary.savedTokens, 0);
  t.like(readJson(forked.directory, 'run.json'), { loaded: { schedule: { savedTokens: total } } });
});

test('choices that do not fit together are scored one by one, from their beginning', async (t) => {
  const shares: number[] = [];
  const scored = async (capacity: number) =>
    completed(
      (
        await startRuns(
          fakeSettings,
          temporaryDirectory(t),
          fakeEnvironment({
            capacity,
            onBatch: (batch) => {
              if (tokensInMemory(batch) <= capacity) shares.push(batch.shared);
            },
          }),
        )
      )[0],
    ).result.samples;
  const reference = await scored(Infinity);
  t.true(shares.some((shared) => shared > 0));
  shares.length = 0;
  t.deepEqual(await scored(48), reference);
  t.true(shares.includes(0) && shares.some((shared) => shared > 0));
});

test('a request that does not fit by itself is left out and named, and the rest is scored', async (t) => {
  const [outcome] = await startRuns(fakeSettings, temporaryDirectory(t), fakeEnvironment({ capacity: 47 }));
  const { summary, failures } = completed(outcome).result;
  const skipped = summary.tasks.map((task) => task.skipped);
  t.true(skipped[0]! > 0);
  t.is(summary.tasks[0]!.documents + skipped[0]!, 14);
  t.is(skipped[2], 0);
  t.regex(failures[0]!, /^choices document \d+, request \d has no score: its 48 tokens do not fit/);
});

test('a log-probability that is no number stops the run and names the request', async (t) => {
  const environment = fakeEnvironment();
  const broken = { ...fakeScorer(), score: async () => [[{ logprob: NaN, greedy: false }]] };
  const source = fakeModel('fake');
  const openModel = async () => ({ ...source, load: async () => ({ ...(await source.load()), scorer: broken }) });
  const settings = { ...fakeSettings, batchSize: { kind: 'rows', rows: 1 } as const };
  const output = temporaryDirectory(t);
  const [outcome] = await startRuns(settings, output, { ...environment, openModel });
  t.is(outcome?.status, 'failed');
  t.regex(outcome?.status === 'failed' ? outcome.error.message : '', /NaN as log-probability of \w+ document \d+/);
  t.like(readJson(outcome!.directory, 'run.json'), { status: 'failed', writer: null });
});

test('each task is summed up: chance, majority, shared rows, scored tokens, time', async (t) => {
  const [outcome] = await startRuns(fakeSettings, temporaryDirectory(t), fakeEnvironment());
  const { tasks, seconds } = completed(outcome).result.summary;
  const [choices, yesNo, lastWord] = tasks;
  t.is(choices!.chance?.toFixed(4), '0.3333');
  t.is(choices!.majority, 5 / 14);
  t.is(yesNo!.majority, 5 / 9);
  t.is(lastWord!.chance, null);
  const pieces = (await fakePlan()).tasks.map((task) => task.pieces.flat(2));
  t.deepEqual(
    tasks.map(({ scoredTokens }) => scoredTokens),
    pieces.map((own) => own.reduce((sum, { targets }) => sum + targets.length, 0)),
  );
  const fed = pieces.map((own) => own.reduce((sum, { input }) => sum + input.length, 0));
  t.deepEqual([yesNo!.inputTokens, lastWord!.inputTokens], [fed[1]! / 2, fed[2]]);
  t.true(Math.abs(seconds - tasks.reduce((sum, task) => sum + task.seconds, 0)) < 1e-9);
  t.true(tasks.every((task) => task.seconds > 0));
});

test('metrics that are asked for beside the own ones are reported where the documents have them', async (t) => {
  const settings = { ...fakeSettings, extraMetrics: ['acc_bytes' as const, 'token_perplexity' as const] };
  const [outcome] = await startRuns(settings, temporaryDirectory(t), fakeEnvironment());
  const names = completed(outcome).result.summary.tasks.map(({ metrics }) => metrics.map(({ name }) => name));
  t.deepEqual(names, [
    ['acc', 'acc_norm', 'acc_bytes'],
    ['acc', 'acc_bytes'],
    ['perplexity', 'acc'],
    ['word_perplexity', 'byte_perplexity', 'bits_per_byte', 'token_perplexity'],
    ['acc', 'acc_bytes'],
    ['acc', 'acc_bytes'],
  ]);
});

test('a run directory is named by time and plan, and says that the run is complete', async (t) => {
  const output = temporaryDirectory(t);
  const settings = { ...fakeSettings, models: ['org/model:a'] };
  const { directory } = completed((await startRuns(settings, output, fakeEnvironment()))[0]);
  t.regex(path.relative(output, directory), /^org__model__a[/\\]20250301T120000Z-[0-9a-f]{8}$/);
  t.like(readJson(directory, 'run.json'), { status: 'complete', failure: null, writer: null, settings });
});

test('two runs of one plan in the same second have two directories', async (t) => {
  const output = temporaryDirectory(t);
  const first = completed((await startRuns(fakeSettings, output, fakeEnvironment()))[0]);
  const second = completed((await startRuns(fakeSettings, output, fakeEnvironment()))[0]);
  t.is(second.directory, `${first.directory}-2`);
});

test('no model name leaves the output directory or takes the name of the pointer', (t) => {
  t.deepEqual(['..', '.', '../../etc', 'latest', 'latest-ppl', 'a/b?c', 'swat:tiny,seed=1'].map(modelSlug), [
    '..__',
    '.__',
    '..__..__etc',
    'latest__',
    'latest-ppl__',
    'a__b__c',
    'swat__tiny,seed=1',
  ]);
});

test('an output directory that cannot be written is an error before any model is loaded', async (t) => {
  const output = path.join(temporaryDirectory(t), 'file');
  writeFileSync(output, '');
  let loads = 0;
  const environment = fakeEnvironment({ onLoad: () => (loads += 1) });
  const error = await t.throwsAsync(startRuns(fakeSettings, output, environment), { instanceOf: UserError });
  t.is(error.kind, 'usage');
  t.is(loads, 0);
});

test('a model that cannot be loaded does not stop the others', async (t) => {
  const openModel = async (spec: string) => {
    const source = fakeModel(spec);
    const load = () => Promise.reject(new UserError('data', 'the weights are damaged'));
    return spec === 'bad' ? { ...source, load } : source;
  };
  const settings = { ...fakeSettings, models: ['bad', 'good'] };
  const outcomes = await startRuns(settings, temporaryDirectory(t), { ...fakeEnvironment(), openModel });
  t.deepEqual(
    outcomes.map(({ status }) => status),
    ['failed', 'complete'],
  );
});

test('what cannot be written into the run directory is a failure that resuming repairs', async (t) => {
  const output = temporaryDirectory(t);
  const environment = fakeEnvironment();
  const writeResults: (typeof environment)['writeResults'] = async (directory) =>
    mkdirSync(path.join(directory, 'nowhere', 'results'));
  await t.throwsAsync(startRuns(fakeSettings, output, { ...environment, writeResults }));
  const journal = readFileSync(path.join(output, 'latest', 'requests.jsonl'), 'utf8');
  t.true(journal.endsWith('\n'));
  t.like(readJson(output, 'latest', 'run.json'), { status: 'failed' });
});
