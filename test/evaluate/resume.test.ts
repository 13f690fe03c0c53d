import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { resolveRun } from '../../src/evaluate/run-directory.js';
import { resumeRuns, startRuns } from '../../src/evaluate/run-models.js';
import type { RunEnvironment, RunOutcome } from '../../src/evaluate/run-models.js';
import type { RunSettings } from '../../src/evaluate/run-settings.js';
import type { RunObservation } from '../../src/evaluate/run-summary.js';
import { UserError } from '../../src/user-error.js';
import { completed, fakeEnvironment, fakeModel, fakeSettings, readJson, temporaryDirectory } from './fake-run.js';
import type { FakeModelOptions } from './fake-run.js';

const JOURNAL = 'requests.jsonl';

/** The journal without its timings. */
const journalOf = (directory: string): string =>
  readFileSync(path.join(directory, JOURNAL), 'utf8').replaceAll(/"ms":[\d.]+/g, '');

const resultsOf = (directory: string): unknown => readJson(directory, 'results.json');

/** As `kill -9` leaves a run: its journal cut at a byte, no results, and run.json saying that a process is at work. */
function cutRun(directory: string, bytes: number): void {
  truncateSync(path.join(directory, JOURNAL), bytes);
  rmSync(path.join(directory, 'results.json'));
  const record = readJson(directory, 'run.json') as object;
  writeFileSync(path.join(directory, 'run.json'), JSON.stringify({ ...record, status: 'running' }));
}

async function finishedRun(t: ExecutionContext, model: FakeModelOptions = {}, settings = fakeSettings) {
  const output = temporaryDirectory(t);
  const outcomes = await startRuns(settings, output, fakeEnvironment(model));
  return { output, directory: completed(outcomes[0]).directory };
}

test('a run cut at any byte of its journal and resumed is the uninterrupted run', async (t) => {
  const { output, directory } = await finishedRun(t);
  const size = readFileSync(path.join(directory, JOURNAL)).length;
  for (let cut = 0; cut < 25; cut += 1) {
    const copy = temporaryDirectory(t);
    cpSync(output, copy, { recursive: true, verbatimSymlinks: true });
    const resumed = resolveRun(null, copy);
    cutRun(resumed, Math.floor((size * cut * cut) / 24 ** 2));
    completed((await resumeRuns(resumed, {}, fakeEnvironment()))[0]);
    t.deepEqual(resultsOf(resumed), resultsOf(directory));
    t.is(journalOf(resumed), journalOf(directory));
  }
});

test('a resumed run is cut into the batches it was started with, whatever the budget is by then', async (t) => {
  const { directory } = await finishedRun(t, { tokenBudget: 300 });
  const journal = journalOf(directory);
  cutRun(directory, 4000);
  completed((await resumeRuns(directory, {}, fakeEnvironment({ tokenBudget: 77 })))[0]);
  t.is(journalOf(directory), journal);
});

test('a run that is complete is summed up again without loading the model', async (t) => {
  const { directory } = await finishedRun(t);
  const results = resultsOf(directory);
  rmSync(path.join(directory, 'results.json'));
  let loads = 0;
  completed((await resumeRuns(directory, {}, fakeEnvironment({ onLoad: () => (loads += 1) })))[0]);
  t.deepEqual(resultsOf(directory), results);
  t.is(loads, 0);
});

test('the signal stops a run after the batch that is running, and what is done is kept', async (t) => {
  const controller = new AbortController();
  let batches = 0;
  const onBatch = (): void => {
    batches += 1;
    if (batches === 3) controller.abort();
  };
  const output = temporaryDirectory(t);
  const settings = { ...fakeSettings, models: ['first', 'second'] };
  const outcomes = await startRuns(settings, output, fakeEnvironment({ onBatch }, { signal: () => controller.signal }));
  t.deepEqual(
    outcomes.map(({ status }) => status),
    ['interrupted', 'interrupted'],
  );
  t.is(batches, 3);
  const [first, second] = outcomes.map(({ directory }) => directory);
  t.like(readJson(first!, 'run.json'), { status: 'interrupted', writer: null });
  t.like(readJson(second!, 'run.json'), { status: 'planned' });
  const lines = readFileSync(path.join(first!, JOURNAL), 'utf8').trim().split('\n');
  t.is((JSON.parse(lines.at(-1)!) as { batch: number }).batch, 2);

  const resumed = await resumeRuns(first!, {}, fakeEnvironment());
  const whole = await startRuns(settings, temporaryDirectory(t), fakeEnvironment());
  for (const [index, outcome] of resumed.entries())
    t.deepEqual(resultsOf(completed(outcome).directory), resultsOf(completed(whole[index]).directory));
});

test('a device that is lost ends the runs of all models, and what was done is resumed', async (t) => {
  let batches = 0;
  const onBatch = (): void => {
    batches += 1;
    if (batches === 3) throw new UserError('device', 'the GPU was lost: it fell off');
  };
  const settings = { ...fakeSettings, models: ['first', 'second'] };
  const outcomes = await startRuns(settings, temporaryDirectory(t), fakeEnvironment({ onBatch }));
  t.deepEqual(
    outcomes.map(({ status }) => status),
    ['failed', 'interrupted'],
  );
  const { directory } = outcomes[0]!;
  t.like(readJson(directory, 'run.json'), { status: 'failed', failure: 'the GPU was lost: it fell off' });
  const lines = readFileSync(path.join(directory, JOURNAL), 'utf8').trim().split('\n');
  t.is((JSON.parse(lines.at(-1)!) as { batch: number }).batch, 1);
  for (const resumed of await resumeRuns(directory, {}, fakeEnvironment())) completed(resumed);
});

test('a resumed run has the larger figures of its parts, and fused kernels only if both had', async (t) => {
  const { directory } = await finishedRun(t);
  const record = readJson(directory, 'run.json') as { loaded: { observed: RunObservation } };
  const { observed } = record.loaded;
  cutRun(directory, 4000);
  record.loaded.observed = {
    kernels: 'composite',
    memory: { ...observed.memory, scorePeakBytes: 77, loadPeakBytes: 0 },
  };
  writeFileSync(path.join(directory, 'run.json'), JSON.stringify(record));
  const { result } = completed((await resumeRuns(directory, {}, fakeEnvironment()))[0]);
  const memory = { ...observed.memory, scorePeakBytes: 77 };
  t.deepEqual(result.summary.observed, { kernels: 'composite', memory });
  t.deepEqual((readJson(directory, 'run.json') as typeof record).loaded.observed, { kernels: 'composite', memory });
});

test('what a batch showed is in run.json before the next one begins, so that a kill loses no observation', async (t) => {
  const output = temporaryDirectory(t);
  const seen: unknown[] = [];
  const onBatch = (): void => {
    seen.push((readJson(resolveRun(null, output), 'run.json') as { loaded: { observed: unknown } }).loaded.observed);
  };
  const { result } = completed((await startRuns(fakeSettings, output, fakeEnvironment({ onBatch })))[0]);
  const [first, ...later] = seen;
  t.is(first, null);
  t.true(later.length > 1);
  for (const observed of later) t.deepEqual(observed, result.summary.observed);
});

const refusals: [what: string, change: Refusal, sentence: RegExp][] = [
  ['another engine', { engine: { backend: 'wasm' } }, /backend cpu, and cannot go on with wasm/],
  ['another precision', { engine: { dtype: 'f16' } }, /dtype f32, and cannot go on with f16/],
  ['another device', { engine: { device: 'other' } }, /device hash, and cannot go on with other/],
  ['another BLAS', { engine: { blas: 'OpenBLAS' } }, /products by the engine itself, and cannot go on with OpenBLAS/],
  ['other weights', { weightsDigest: 'others' }, /weights weights of a hash, and cannot go on with others/],
  ['other data', { digest: 'changed' }, /choices data \w+, and cannot go on with changed/],
  ['another build', { revision: 'newer' }, /build 0\.0\.0 none, and cannot go on with 0\.0\.0 newer/],
  ['another tokenizer', { fingerprint: 'other' }, /tokenizer \w+, and cannot go on with other/],
];

interface Refusal {
  engine?: { backend?: string; dtype?: 'f16'; device?: string; blas?: string };
  weightsDigest?: string;
  digest?: string;
  revision?: string;
  fingerprint?: string;
}

function changedEnvironment({ engine, weightsDigest, digest, revision, fingerprint }: Refusal): RunEnvironment {
  const environment = fakeEnvironment();
  return {
    ...environment,
    build: { ...environment.build, ...(revision === undefined ? {} : { revision }) },
    async loadTask(task, settings) {
      const loaded = await environment.loadTask(task, settings);
      return { ...loaded, digest: digest ?? loaded.digest };
    },
    async openModel(spec) {
      const source = fakeModel(spec);
      const loaded = await source.load();
      return {
        ...source,
        tokenizer: { ...source.tokenizer, fingerprint: fingerprint ?? source.tokenizer.fingerprint },
        load: async () => ({
          ...loaded,
          engine: { ...loaded.engine, ...engine },
          description: { ...loaded.description, weightsDigest: weightsDigest ?? loaded.description.weightsDigest },
        }),
      };
    },
  };
}

for (const [what, change, sentence] of refusals)
  test(`a run is not continued with ${what}`, async (t) => {
    const { directory } = await finishedRun(t);
    cutRun(directory, 4000);
    const error = await userErrorOf(resumeRuns(directory, {}, changedEnvironment(change)));
    t.is(error.kind, 'data');
    t.regex(error.message, sentence);
    t.is(readFileSync(path.join(directory, JOURNAL)).length, 4000);
  });

async function userErrorOf(work: Promise<RunOutcome[]>): Promise<UserError> {
  try {
    const [outcome] = await work;
    if (outcome?.status === 'failed') return outcome.error;
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

test('options that are repeated have to be those of the run', async (t) => {
  const { directory } = await finishedRun(t);
  const resume = (given: Partial<RunSettings>) => resumeRuns(directory, given, fakeEnvironment());
  await t.notThrowsAsync(resume({ dtype: 'f32', limit: null, batchSize: { kind: 'auto' } }));
  await t.throwsAsync(resume({ dtype: 'f16' }), { message: /started with dtype "f32", and cannot go on with "f16"/ });
  await t.throwsAsync(resume({ fork: false }), { message: /started with fork true, and cannot go on with false/ });
  await t.throwsAsync(resume({ limit: 3 }), { message: /limit null, and cannot go on with 3/ });
});

test('the data may lie elsewhere by now, as long as it is the same', async (t) => {
  const { directory } = await finishedRun(t);
  await t.notThrowsAsync(resumeRuns(directory, { dataDir: 'elsewhere' }, fakeEnvironment()));
});

test('a directory that is no run is an error that says so', async (t) => {
  const error = await t.throwsAsync(resumeRuns(temporaryDirectory(t), {}, fakeEnvironment()), {
    instanceOf: UserError,
  });
  t.is(error.kind, 'data');
  t.regex(error.message, /is no run directory/);
});

test('a damaged run.json is an error that says what is wrong with it', async (t) => {
  const { directory } = await finishedRun(t);
  const record = readJson(directory, 'run.json') as object;
  writeFileSync(path.join(directory, 'run.json'), JSON.stringify({ ...record, status: 'asleep' }));
  await t.throwsAsync(resumeRuns(directory, {}, fakeEnvironment()), { message: /run.json is damaged: .*status/ });
});

test('without a run, and without runs below the output directory, there is nothing to resume', (t) => {
  t.throws(() => resolveRun(null, temporaryDirectory(t)), { message: /holds no run that could be resumed/ });
});

test('a run that another process writes is not touched', async (t) => {
  const output = temporaryDirectory(t);
  const child = driver('start', output, 500);
  await linesUntil(child, 2);
  const error = await userErrorOf(resumeRuns(resolveRun(null, output), {}, fakeEnvironment()));
  t.is(error.message, `process ${child.pid} is still at work on this run`);
  child.kill('SIGKILL');
  await once(child, 'exit');
});

test('a process killed with SIGKILL in its second model and resumed has the results of an uninterrupted one', async (t) => {
  const [killed, whole] = [temporaryDirectory(t), temporaryDirectory(t)];
  const reference = driver('start', whole, 0);
  const batches = (await linesUntil(reference, Infinity)).filter((line) => line === 'batch').length;

  const first = driver('start', killed, 2);
  await linesUntil(first, 5);
  first.kill('SIGKILL');
  await once(first, 'exit');
  const second = driver('resume', killed, 2);
  await linesUntil(second, Math.floor(batches * 0.7));
  second.kill('SIGKILL');
  await once(second, 'exit');
  const last = await linesUntil(driver('resume', killed, 0), Infinity);

  t.is(last.at(-1), 'complete complete');
  t.true(last.length < batches / 2, 'most of the work was kept');
  const runs = (output: string) =>
    (readJson(resolveRun(null, output), 'run.json') as { runs: string[] }).runs.map((run) => path.join(output, run));
  for (const [index, directory] of runs(killed).entries())
    t.deepEqual(resultsOf(directory), resultsOf(runs(whole)[index]!));
});

test('a process that gets Ctrl-C stops after its batch and says that it was interrupted', async (t) => {
  const output = temporaryDirectory(t);
  const child = driver('start', output, 500);
  await linesUntil(child, 3);
  child.kill('SIGINT');
  const rest = await linesUntil(child, Infinity);
  t.is(rest.at(-1), 'interrupted interrupted');
  t.like(readJson(resolveRun(null, output), 'run.json'), { status: 'interrupted' });
});

function driver(mode: 'start' | 'resume', output: string, milliseconds: number) {
  const script = fileURLToPath(new URL('resume-driver.js', import.meta.url));
  return spawn(process.execPath, [script, mode, output, String(milliseconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** The next `count` lines of the process, all until it ends for Infinity. */
async function linesUntil(child: ReturnType<typeof driver>, count: number): Promise<string[]> {
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  for await (const line of reader) {
    lines.push(line);
    if (lines.length >= count) break;
  }
  return lines;
}
