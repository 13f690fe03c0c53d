import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { gate } from '../../src/check/gate.js';
import { regressions } from '../../src/check/gate-outcome.js';
import { makeReference } from '../../src/check/make-reference.js';
import { readReference, writeReference } from '../../src/check/reference.js';
import { startRuns, type RunOutcome } from '../../src/evaluate/run-models.js';
import { readSampledRun, type SampledRun } from '../../src/report/read-samples.js';
import { writeRun } from '../../src/report/write-run.js';
import { UserError } from '../../src/user-error.js';
import { completed, fakeEnvironment, fakeSettings, temporaryDirectory } from '../evaluate/fake-run.js';
import { exampleBench } from '../report/example-bench.js';
import { DEFAULT_TOLERANCES } from './sampled-run.js';

/** Runs of two models of hashes, read back from their directories. */
async function fakeRuns(
  t: ExecutionContext<unknown>,
  changes: Partial<typeof fakeSettings> = {},
): Promise<SampledRun[]> {
  const environment = fakeEnvironment(
    {},
    {
      writeResults: (directory, { summary, settings, samples }) =>
        writeRun(
          directory,
          summary,
          new Map(summary.tasks.map(({ task }, k) => [task, samples[k]!])),
          settings.logSamples,
        ),
    },
  );
  const settings = { ...fakeSettings, models: ['one', 'two'], dataDir: '/somewhere', ...changes };
  const outcomes: RunOutcome[] = await startRuns(settings, temporaryDirectory(t), environment);
  return Promise.all(outcomes.map((outcome) => readSampledRun(completed(outcome).directory)));
}

async function written(t: ExecutionContext<unknown>, runs: readonly SampledRun[]): Promise<string> {
  const file = path.join(temporaryDirectory(t), 'reference', 'fake.json');
  await writeReference(file, makeReference(runs, []));
  return file;
}

const refused = async (t: ExecutionContext, reading: () => unknown, message: RegExp) => {
  const error = await t.throwsAsync(async () => reading(), { instanceOf: UserError, message });
  t.is(error.kind, 'data');
};

test('runs pass against the reference that was made of them, read back from its file', async (t) => {
  const runs = await fakeRuns(t);
  const reference = await readReference(await written(t, runs));
  const outcome = gate(reference, { runs, benches: [], failed: [] }, DEFAULT_TOLERANCES);
  t.deepEqual(regressions(outcome), []);
  t.is(new Set(outcome.comparisons.map(({ model }) => model)).size, 2);
  t.true(outcome.comparisons.some(({ metric }) => metric === 'log-probability'));
});

test('a reference reads back as it was written, log-probabilities to 1e-5', async (t) => {
  const runs = await fakeRuns(t);
  const reference = await readReference(await written(t, runs));
  t.deepEqual(
    reference.runs.map(({ summary }) => summary.tasks),
    runs.map(({ summary }) => summary.tasks),
  );
  for (const [k, { documents }] of runs.entries())
    for (const [task, own] of documents) {
      const stored = reference.runs[k]!.documents.get(task)!;
      t.deepEqual(
        stored.map(({ id }) => id),
        own.map(({ id }) => id),
      );
      for (const [d, { logprobs }] of own.entries())
        for (const [r, logprob] of logprobs.entries()) t.true(Math.abs(logprob - stored[d]!.logprobs[r]!) <= 5.1e-6);
    }
});

test('its plan names all models and no directory', async (t) => {
  const { settings } = await readReference(await written(t, await fakeRuns(t)));
  t.deepEqual(settings.models, ['one', 'two']);
  t.is(settings.dataDir, null);
  t.deepEqual(settings.tasks, fakeSettings.tasks);
});

test('its benchmarks read back as they were', async (t) => {
  const file = path.join(temporaryDirectory(t), 'fast.json');
  await writeReference(file, makeReference(await fakeRuns(t), [exampleBench('swat-tiny')]));
  t.deepEqual((await readReference(file)).benches, [exampleBench('swat-tiny')]);
});

test('writing a reference again from itself gives the same bytes', async (t) => {
  const file = await written(t, await fakeRuns(t));
  const again = path.join(temporaryDirectory(t), 'again.json');
  await writeReference(again, await readReference(file));
  t.is(await readFile(again, 'utf8'), await readFile(file, 'utf8'));
});

test('a reference that is not there, cut short, changed by hand or no reference is refused', async (t) => {
  const file = await written(t, await fakeRuns(t));
  const text = await readFile(file, 'utf8');
  await refused(t, () => readReference(`${file}.old`), /there is no reference/);
  await writeFile(file, text.slice(0, text.length / 2));
  await refused(t, () => readReference(file), /it is not JSON/);
  await writeFile(file, text.replace(/"value": 0\.\d+/, '"value": 0.125'));
  await refused(t, () => readReference(file), /changed since it was written/);
  await writeFile(file, text.replace('"decimals": 5', '"decimals": 2'));
  await refused(t, () => readReference(file), /decimals/);
  await writeFile(file, '{"results": {}}');
  await refused(t, () => readReference(file), /cannot be used/);
  await writeFile(file, 'null');
  await refused(t, () => readReference(file), /no JSON object/);
});

test('no reference is made of runs without samples, with broken numbers, or of two plans', async (t) => {
  const runs = await fakeRuns(t);
  const silent = await fakeRuns(t, { logSamples: 'none' });
  await refused(t, () => makeReference(silent, []), /has no samples/);
  const [first, second] = runs as [SampledRun, SampledRun];
  const tasks = first.summary.tasks.map((task) => ({
    ...task,
    metrics: task.metrics.map((metric) => ({ ...metric, value: NaN })),
  }));
  await refused(t, () => makeReference([{ ...first, summary: { ...first.summary, tasks } }], []), /has no finite acc/);
  const limited = await fakeRuns(t, { limit: 3 });
  await refused(t, () => makeReference([first, limited[1]!], []), /different limit/);
  await refused(t, () => makeReference([first, second, first], []), /one has two runs/);
});
