import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { cellsOf } from '../../src/sweep/cells.js';
import { runSweep, type CellProcess, type Existing, type SweepEnvironment } from '../../src/sweep/run-sweep.js';
import { readSweepRecord } from '../../src/sweep/sweep-record.js';
import { parseSweep } from '../../src/sweep/sweep-file.js';
import { argumentsOf } from '../../src/sweep/template.js';
import { lastValidationLoss } from '../../src/sweep/validation-loss.js';
import { UserError } from '../../src/user-error.js';

const TEXT = `
title: Two models
set: { tokens: 100, window: 128, scale: null }
scales: { smoke: { tokens: 7 } }
steps:
  - name: search
    command: train
    for:
      model: [{ name: swat, window: '{window}' }, { name: gla, window: null }]
      rate: [0.1, 0.2]
    flags: { set: ['model={model}', 'rate={rate}'], tokens: '{tokens}', window: '{model.window}' }
  - name: train
    command: train
    best: { of: search, over: rate }
    for: { seed: [1, 2] }
    flags: { set: ['model={model}', 'rate={rate}', 'seed={seed}'] }
  - name: accuracy
    command: run
    after: train
    flags: { model: '{checkpoint}', task: mini, plot: true, quiet: false }
`;

const plan = (tree: string, text = TEXT, settings: string[] = []) => {
  const sweep = parseSweep(text, 'sweep.yaml', settings);
  const asked = new Set(sweep.steps.map(({ name }) => name));
  return { sweep, cells: cellsOf(sweep, 'sweep.yaml'), asked, file: 'sweep.yaml', digest: 'digest', tree };
};

function temporaryTree(t: ExecutionContext): string {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'swat-eval-sweep-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

interface Started {
  readonly command: string;
  readonly argv: readonly string[];
}

/** Cells that write a run of their own and end with what `outcome` says. */
function fakeEnvironment(changes: Partial<SweepEnvironment> = {}, outcome: (cell: Started) => number = () => 0) {
  const started: Started[] = [];
  const environment: SweepEnvironment = {
    async start(command, argv, directory): Promise<CellProcess> {
      started.push({ command, argv });
      const exitCode = outcome({ command, argv });
      const run = path.join(directory, 'model', 'run');
      mkdirSync(run, { recursive: true });
      writeFileSync(path.join(run, 'run.json'), JSON.stringify({ status: exitCode === 0 ? 'complete' : 'failed' }));
      return { exitCode, lastLine: 'error: the last line' };
    },
    // A rate of 0.2 is better for swat, one of 0.1 for gla.
    validationLoss: (directory) => (directory.includes('search/swat') === directory.includes('0.2') ? 1 : 2),
    log() {},
    now: () => new Date('2025-03-01T12:00:00Z'),
    clock: () => 0,
    signal: new AbortController().signal,
    build: { version: '0.0.0', revision: 'none', dirty: false },
    ...changes,
  };
  return { environment, started };
}

const run = (tree: string, existing: Existing, environment: SweepEnvironment, text = TEXT) =>
  runSweep(plan(tree, text), existing, environment);

test('a step is multiplied out over its lists, and over the cells of the step it follows', (t) => {
  const { cells } = plan('tree');
  t.deepEqual(
    cells.map(({ id }) => id),
    [
      ...['search/swat,rate=0.1', 'search/swat,rate=0.2', 'search/gla,rate=0.1', 'search/gla,rate=0.2'],
      ...['train/swat,seed=1', 'train/swat,seed=2', 'train/gla,seed=1', 'train/gla,seed=2'],
      ...['accuracy/swat,seed=1', 'accuracy/swat,seed=2', 'accuracy/gla,seed=1', 'accuracy/gla,seed=2'],
    ],
  );
  t.deepEqual(cells[4]!.needs, ['search/swat,rate=0.1', 'search/swat,rate=0.2']);
  t.deepEqual(cells[8]!.needs, ['train/swat,seed=1']);
});

test('flags are left out when null or false, bare when true, repeated when a list', (t) => {
  const flags = { a: null, b: false, plot: true, p: '{lengths}', set: ['x={x}', 'y'], limit: 3 };
  t.deepEqual(argumentsOf(flags, { lengths: '1k,2k', x: 0.5 }), [
    ...['--plot', '-p', '1k,2k', '--set', 'x=0.5', '--set', 'y', '--limit', '3'],
  ]);
});

test('a variable comes from the command line, else from the scale, else from the file', (t) => {
  const tokens = (settings: string[]) => parseSweep(TEXT, 'sweep.yaml', settings).variables.tokens;
  t.is(tokens([]), 100);
  t.is(tokens(['scale=smoke']), 7);
  t.is(tokens(['scale=smoke', 'tokens=9']), 9);
});

test('the best value of a search goes into the cells after it, and checkpoints into those after them', async (t) => {
  const tree = temporaryTree(t);
  const { environment, started } = fakeEnvironment();
  const { cells } = await run(tree, 'refuse', environment);
  t.true(cells.every(({ status }) => status === 'done'));
  const argvOf = (id: string) => cells.find((cell) => cell.id === id)!.arguments;
  t.deepEqual(argvOf('search/swat,rate=0.1'), [
    ...['--set', 'model=swat', '--set', 'rate=0.1', '--tokens', '100', '--window', '128'],
  ]);
  t.deepEqual(argvOf('search/gla,rate=0.1'), ['--set', 'model=gla', '--set', 'rate=0.1', '--tokens', '100']);
  t.deepEqual(argvOf('train/swat,seed=2'), ['--set', 'model=swat', '--set', 'rate=0.2', '--set', 'seed=2']);
  t.deepEqual(argvOf('train/gla,seed=2'), ['--set', 'model=gla', '--set', 'rate=0.1', '--set', 'seed=2']);
  const checkpoint = path.join(tree, 'train/gla,seed=2/model/run/final');
  t.deepEqual(argvOf('accuracy/gla,seed=2'), ['--model', checkpoint, '--task', 'mini', '--plot']);
  t.is(started.length, cells.length);
  t.deepEqual(readSweepRecord(tree)?.cells, cells);
});

test('a failed cell fails those that need it and no others, and is what a resumed sweep does again', async (t) => {
  const tree = temporaryTree(t);
  let broken = true;
  const outcome = ({ argv }: Started) => (broken && argv.includes('seed=1') && argv.includes('model=gla') ? 1 : 0);
  const first = fakeEnvironment({}, outcome);
  const { cells } = await run(tree, 'refuse', first.environment);
  const failed = cells.filter(({ status }) => status === 'failed');
  t.deepEqual(
    failed.map(({ id, failure }) => [id, failure]),
    [
      ['train/gla,seed=1', 'error: the last line'],
      ['accuracy/gla,seed=1', 'it needs train/gla,seed=1, which has not ended well'],
    ],
  );
  broken = false;
  const second = fakeEnvironment({}, outcome);
  const resumed = await run(tree, 'resume', second.environment);
  t.true(resumed.cells.every(({ status }) => status === 'done'));
  t.deepEqual(
    second.started.map(({ command, argv }) => [command, argv[0]]),
    [
      ['train', '--set'],
      ['run', '--model'],
    ],
  );
});

test('what fails with the best value is done with the next best, and its failed run is kept beside', async (t) => {
  const tree = temporaryTree(t);
  const diverged = ({ argv }: Started) =>
    argv.includes('model=gla') && argv.includes('rate=0.1') && argv.includes('seed=1') ? 1 : 0;
  const { environment, started } = fakeEnvironment({}, diverged);
  const { cells } = await run(tree, 'refuse', environment);
  t.true(cells.every(({ status }) => status === 'done'));
  const { arguments: argv, fellBack, runs } = cells.find(({ id }) => id === 'train/gla,seed=1')!;
  t.true(argv!.includes('rate=0.2'));
  const directory = 'train/gla,seed=1,rate=0.1';
  t.deepEqual(fellBack, [{ value: 0.1, failure: 'error: the last line', directory }]);
  t.deepEqual(runs, ['train/gla,seed=1/model/run']);
  t.true(existsSync(path.join(tree, directory, 'model', 'run', 'run.json')));
  t.is(started.length, cells.length + 1);
});

test('a search goes on without the cells that failed, and is lost where all of them did', async (t) => {
  const diverged = ({ argv }: Started) => (argv.includes('model=gla') || argv.includes('rate=0.2') ? 1 : 0);
  const { cells } = await run(temporaryTree(t), 'refuse', fakeEnvironment({}, diverged).environment);
  const found = (id: string) => cells.find((cell) => cell.id === id)!;
  t.is(found('search/swat,rate=0.2').status, 'failed');
  t.is(found('train/swat,seed=1').status, 'done');
  t.true(found('train/swat,seed=1').arguments!.includes('rate=0.1'));
  t.regex(found('train/gla,seed=1').failure!, /^it needs search\/gla,rate=0.1, which has not ended well/);
});

test('a cell whose flags have changed is done again from its beginning', async (t) => {
  const tree = temporaryTree(t);
  await run(tree, 'refuse', fakeEnvironment().environment);
  const { environment, started } = fakeEnvironment();
  await run(tree, 'resume', environment, TEXT.replace('task: mini', 'task: paper'));
  t.is(started.length, 4);
  t.true(started.every(({ argv }) => argv.includes('paper')));
});

test('an interrupted run goes on with the build that began it, and is begun anew with another', async (t) => {
  const interrupted = ({ argv }: Started) => (argv.includes('model=swat') && argv.includes('seed=2') ? 130 : 0);
  const begins = async (changes: Partial<SweepEnvironment>) => {
    const tree = temporaryTree(t);
    await run(tree, 'refuse', fakeEnvironment({}, interrupted).environment);
    const { environment, started } = fakeEnvironment(changes);
    const { cells } = await run(tree, 'resume', environment);
    t.true(cells.every(({ status }) => status === 'done'));
    return started.map(({ argv }) => argv[0]);
  };
  t.deepEqual(await begins({}), ['--resume', '--model']);
  const build = { version: '0.0.1', revision: 'other', dirty: false };
  t.deepEqual(await begins({ build }), ['--set', '--model']);
});

test('cells with exit code 5 are enough for those after them, and are not done again', async (t) => {
  const tree = temporaryTree(t);
  const { cells } = await run(
    tree,
    'refuse',
    fakeEnvironment({}, ({ command }) => (command === 'run' ? 5 : 0)).environment,
  );
  t.deepEqual([...new Set(cells.filter(({ step }) => step === 'accuracy').map(({ status }) => status))], ['partial']);
  const { environment, started } = fakeEnvironment();
  await run(tree, 'resume', environment);
  t.is(started.length, 0);
});

test('a tree that has a sweep is refused, and replaced when asked', async (t) => {
  const tree = temporaryTree(t);
  await run(tree, 'refuse', fakeEnvironment().environment);
  await t.throwsAsync(run(tree, 'refuse', fakeEnvironment().environment), {
    instanceOf: UserError,
    message: /has a sweep already/,
  });
  const { environment, started } = fakeEnvironment();
  await run(tree, 'replace', environment);
  t.is(started.length, 12);
});

test('no cell is started after the signal, and those that ran are interrupted', async (t) => {
  const tree = temporaryTree(t);
  const controller = new AbortController();
  const outcome = () => {
    controller.abort();
    return 130;
  };
  const { environment, started } = fakeEnvironment({ signal: controller.signal }, outcome);
  const { cells } = await run(tree, 'refuse', environment);
  t.is(started.length, 1);
  t.deepEqual([cells[0]!.status, cells[1]!.status], ['interrupted', 'pending']);
});

test('as many cells run at a time as there are jobs, each after its needs', async (t) => {
  const tree = temporaryTree(t);
  let [now, most] = [0, 0];
  const done = new Set<string>();
  const { environment } = fakeEnvironment();
  const watched: SweepEnvironment = {
    ...environment,
    async start(command, argv, directory, signal) {
      if (command === 'run') t.true(done.has(argv[1]!.replace(/\/model\/run\/final$/, '')));
      most = Math.max(most, (now += 1));
      await setTimeout(50); // the others are started meanwhile
      now -= 1;
      done.add(directory);
      return environment.start(command, argv, directory, signal);
    },
  };
  const { sweep, ...rest } = plan(tree);
  await runSweep({ ...rest, sweep: { ...sweep, jobs: 3 } }, 'refuse', watched);
  t.is(most, 3);
});

const wrong: [what: string, text: string, sentence: RegExp][] = [
  ['a step that follows none', TEXT.replace('after: train', 'after: trian'), /follows trian/],
  ['a placeholder of nothing', TEXT.replace('{tokens}', '{toknes}'), /unknown placeholder 'toknes'/],
  ['another command', TEXT.replace('command: run', 'command: rm'), /steps\.2\.command/],
  ['a key that is none', TEXT.replace('after: train', 'behind: train'), /behind/],
  ['two cells of one name', TEXT.replace('[1, 2]', '[1, 1]'), /two cells train\/swat,seed=1/],
  ['a best of what is no list', TEXT.replace('over: rate', 'over: rat'), /best rat/],
  ['no YAML', 'steps: [', /malformed/],
];
for (const [what, text, sentence] of wrong)
  test(`${what} is one sentence`, (t) => {
    const error = t.throws(() => plan('tree', text), { instanceOf: UserError });
    t.regex(error.message, sentence);
  });

test('a setting of no variable is refused with what was meant', (t) => {
  const error = t.throws(() => plan('tree', TEXT, ['token=3']), { instanceOf: UserError });
  t.is(error.message, "unknown variable 'token'");
  t.is((error as UserError).hint, 'did you mean tokens?');
  t.throws(() => plan('tree', TEXT, ['scale=smok']), { message: "unknown scale 'smok'" });
});

test('the validation loss of a run is the mean over lengths of its last validation', (t) => {
  const tree = temporaryTree(t);
  const rows = ['step,length,tokens,loss,perplexity', '10,64,99,5,0', '10,128,99,4,0', '20,64,99,3,0', '20,128,99,2,0'];
  writeFileSync(path.join(tree, 'validation.csv'), `${rows.join('\n')}\n`);
  t.is(lastValidationLoss(tree), 2.5);
  t.throws(() => lastValidationLoss(path.join(tree, 'nowhere')), { instanceOf: UserError });
  t.false(existsSync(path.join(tree, 'nowhere')));
});
