import { mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { packageRoot } from '../../src/package-root.js';
import { expandRuns, readPlaces, readRun } from '../../src/report/read-run.js';
import { failureOf } from '../../src/report/read-training.js';
import { writePlots } from '../../src/report/write-plots.js';
import { writeRun } from '../../src/report/write-run.js';
import { UserError } from '../../src/user-error.js';
import { exampleRun, exampleTask, paperTasks } from './example-run.js';

const run = exampleRun('swat:tiny', paperTasks([60, 130, 78, 101, 110, 52, 75, 120]));
const temporary = () => mkdtemp(path.join(tmpdir(), 'swat-eval-report-'));

test('a run reads back as it was written, from its directory and from its file', async (t) => {
  const directory = path.join(await temporary(), 'model', 'run');
  await writeRun(directory, run, new Map(), 'full');
  t.deepEqual(await readRun(directory), run);
  t.deepEqual(await readRun(path.join(directory, 'results.json')), run);
});

test('a run directory holds results, CSV and samples, and no temporary file', async (t) => {
  const directory = await temporary();
  await writeRun(directory, { ...run, tasks: run.tasks.slice(0, 1) }, new Map(), 'full');
  t.deepEqual((await readdir(directory)).sort(), ['results.csv', 'results.json', 'samples_wikitext.jsonl']);
});

test('a run directory holds no samples where none are asked for', async (t) => {
  const directory = await temporary();
  await writeRun(directory, run, new Map(), 'none');
  t.deepEqual((await readdir(directory)).sort(), ['results.csv', 'results.json']);
});

test('a value that was not finite reads back as not a number', async (t) => {
  const metric = { name: 'perplexity', value: Infinity, stderr: null, interval: null, higherIsBetter: false } as const;
  const directory = await temporary();
  await writeRun(directory, { ...run, tasks: [exampleTask('lambada_openai', [metric])] }, new Map(), 'full');
  t.is((await readRun(directory)).tasks[0]!.metrics[0]!.value, NaN);
});

test('a tree of results is searched for runs, links are not followed', async (t) => {
  const tree = await temporary();
  for (const name of ['b/2', 'a/1']) await writeRun(path.join(tree, name), run, new Map(), 'full');
  await symlink(path.join(tree, 'a', '1'), path.join(tree, 'latest'));
  const expected = ['a/1', 'b/2'].map((name) => path.join(tree, name));
  t.deepEqual(await expandRuns([tree]), expected);
  t.deepEqual(await expandRuns([tree, expected[0]!]), expected, 'each run once');
});

test('a training that failed before its first table is found by its record, one that goes on is not', async (t) => {
  const tree = await temporary();
  const shipped = await readFile(path.join(packageRoot, 'baselines', 'checkpoints', 'swat-mini', 'run.json'), 'utf8');
  for (const status of ['failed', 'running']) {
    await mkdir(path.join(tree, status));
    const record = { ...(JSON.parse(shipped) as object), status, failure: 'training diverged at step 26' };
    await writeFile(path.join(tree, status, 'run.json'), JSON.stringify(record));
  }
  const { trainings } = await readPlaces([tree]);
  t.deepEqual(trainings.map(failureOf), ['training diverged at step 26']);
  t.deepEqual((await readPlaces([path.join(tree, 'failed')])).trainings, trainings, 'also when it is named itself');
});

const refused = async (t: ExecutionContext, reading: () => Promise<unknown>, message: RegExp) => {
  const error = await t.throwsAsync(reading, { instanceOf: UserError, message });
  t.is(error.kind, 'data');
};

test('a directory that is no run is refused', async (t) => {
  const directory = await temporary();
  await refused(t, () => readRun(directory), /is no run: there is no results\.json/);
  await refused(t, () => expandRuns([directory]), /is no run/);
});

test('a path that is not there is refused', async (t) => {
  const nowhere = path.join(await temporary(), 'nowhere');
  await refused(t, () => readRun(nowhere), /is no run/);
  await refused(t, () => expandRuns([nowhere]), /is no run/);
});

test('a truncated results.json is refused', async (t) => {
  const directory = await temporary();
  await writeRun(directory, run, new Map(), 'full');
  const file = path.join(directory, 'results.json');
  await writeFile(file, (await readFile(file, 'utf8')).slice(0, -100));
  await refused(t, () => readRun(directory), /it is not JSON/);
});

test('a results.json of another program is refused', async (t) => {
  const directory = await temporary();
  await writeFile(path.join(directory, 'results.json'), '{"results": {}}');
  await refused(t, () => readRun(directory), /not written by swat-eval/);
});

test('a damaged field of results.json is named', async (t) => {
  const directory = await temporary();
  const damaged = { ...run, tasks: [{ ...run.tasks[0], documents: 'many' }] };
  await writeFile(path.join(directory, 'results.json'), JSON.stringify({ swat_eval: damaged }));
  await refused(t, () => readRun(directory), /tasks\.0\.documents/);
});

test('a place that cannot be written is a clear error, and nothing is left there', async (t) => {
  const directory = await temporary();
  await writeFile(path.join(directory, 'file'), '');
  const error = await t.throwsAsync(() => writeRun(path.join(directory, 'file', 'run'), run, new Map(), 'full'), {
    instanceOf: UserError,
    message: /cannot write .*a part of its path is not a directory/,
  });
  t.is(error.exitCode, 1);
  await mkdir(path.join(directory, 'taken', 'results.csv'), { recursive: true });
  await t.throwsAsync(() => writeRun(path.join(directory, 'taken'), { ...run, tasks: [] }, new Map(), 'full'), {
    message: /it is a directory/,
  });
  t.deepEqual(await readdir(path.join(directory, 'taken')), ['results.csv']);
});

test('plots are written as SVG and PNG', async (t) => {
  const directory = await temporary();
  const files = await writePlots({ runs: [run] }, directory);
  t.deepEqual(
    files.map((file) => path.relative(directory, file)),
    [path.join('plots', 'accuracy.svg'), path.join('plots', 'accuracy.png')],
  );
  t.deepEqual(await readdir(path.join(directory, 'plots')), ['accuracy.png', 'accuracy.svg']);
});
