import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { resolveRun } from '../../src/evaluate/run-directory.js';
import { LATEST, resumeTraining, type TrainingOutcome } from '../../src/train/run-training.js';
import type { TrainConfig } from '../../src/train/train-config.js';
import type { TrainEnvironment } from '../../src/train/train-environment.js';
import { readTrainingRecord } from '../../src/train/training-record.js';
import { UserError } from '../../src/user-error.js';
import {
  corpusDirectory,
  curveOf,
  fakeEnvironment,
  killedConfig,
  someText,
  temporaryDirectory,
  tinyConfig,
  trainIn,
  validationOf,
} from './fake-training.js';

function driver(mode: 'start' | 'resume', directory: string) {
  const script = fileURLToPath(new URL('train-driver.js', import.meta.url));
  return spawn(process.execPath, [script, mode, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** The next `count` lines of the process, all until it ends for Infinity. */
async function linesUntil(child: ReturnType<typeof driver>, count: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length >= count) break;
  }
  return lines;
}

const newest = (directory: string) => resolveRun(null, path.join(directory, 'results'), LATEST);

function runsOf(directory: string): string[] {
  return readTrainingRecord(newest(directory)).runs.map((run) => path.join(directory, 'results', run));
}

const weightsOf = (run: string): Buffer => readFileSync(path.join(run, 'final', 'model.safetensors'));

/** Resumes what lies in `directory`, with something changed. */
function resumeIn(
  directory: string,
  changes: Partial<TrainEnvironment> = {},
  given: { config?: TrainConfig; dataDir?: string } = {},
): Promise<TrainingOutcome[]> {
  return resumeTraining(newest(directory), given, fakeEnvironment(path.join(directory, 'cache'), changes));
}

/** A training that was stopped behind its `steps`-th step. */
async function stoppedTraining(t: ExecutionContext, steps: number): Promise<string> {
  const directory = corpusDirectory(t);
  const controller = new AbortController();
  let advanced = 0;
  const advance = (): void => {
    advanced += 1;
    if (advanced === steps) controller.abort();
  };
  const [outcome] = await trainIn(directory, tinyConfig(), {
    signal: () => controller.signal,
    progress: { start: () => {}, finish: () => {}, advance },
  });
  t.is(outcome!.status, 'interrupted');
  return directory;
}

test.serial('a training killed at any moment and resumed is the uninterrupted one, to the last bit', async (t) => {
  const whole = corpusDirectory(t);
  for (const { status } of await trainIn(whole, killedConfig())) t.is(status, 'complete');
  for (let repeat = 0; repeat < 2; repeat++) {
    const directory = corpusDirectory(t);
    let mode: 'start' | 'resume' = 'start';
    for (const steps of [8, 40]) {
      const moment = Math.random() * 60;
      t.log(`killed ${moment.toFixed(1)} ms behind ${steps} steps`);
      const child = driver(mode, directory);
      await linesUntil(child, steps);
      await setTimeout(moment);
      child.kill('SIGKILL');
      await once(child, 'exit');
      mode = 'resume';
    }
    for (const { status } of await resumeIn(directory)) t.is(status, 'complete');
    const wanted = runsOf(whole);
    for (const [k, run] of runsOf(directory).entries()) {
      t.deepEqual(curveOf(run), curveOf(wanted[k]!));
      t.deepEqual(validationOf(run), validationOf(wanted[k]!));
      t.deepEqual(weightsOf(run), weightsOf(wanted[k]!));
    }
  }
});

test.serial(
  'the signal ends a training behind its step, with a checkpoint of it, and it goes on from there',
  async (t) => {
    const directory = await stoppedTraining(t, 5);
    const run = newest(directory);
    t.deepEqual(readdirSync(path.join(run, 'checkpoints')), ['step-00000004', 'step-00000005']);
    t.like(readTrainingRecord(run), { status: 'interrupted', writer: null });
    t.false(existsSync(path.join(run, 'final')));
    let left = 0;
    await resumeIn(directory, {
      progress: { start: (_, tokens) => (left = tokens), advance: () => {}, finish: () => {} },
    });
    t.is(left, (12 - 5) * 32);
    const whole = corpusDirectory(t);
    await trainIn(whole);
    t.deepEqual(curveOf(run), curveOf(newest(whole)));
    t.like(readTrainingRecord(run), { status: 'complete', writer: null });
  },
);

test.serial('a training that is complete is not trained again', async (t) => {
  const directory = corpusDirectory(t);
  await trainIn(directory);
  const [outcome] = await resumeIn(directory, {
    progress: { start: () => t.fail('it is trained again'), advance: () => {}, finish: () => {} },
  });
  t.is(outcome!.status, 'complete');
});

test.serial('the data may lie elsewhere by now, as long as it is the same', async (t) => {
  const directory = await stoppedTraining(t, 5);
  const elsewhere = temporaryDirectory(t);
  writeFileSync(path.join(elsewhere, 'corpus.txt'), readFileSync(path.join(directory, 'corpus.txt')));
  writeFileSync(path.join(directory, 'corpus.txt'), 'gone');
  const [outcome] = await resumeIn(directory, {}, { dataDir: elsewhere });
  t.is(outcome!.status, 'complete');
});

const refusals: [what: string, resume: (directory: string) => Promise<unknown>, sentence: RegExp][] = [
  [
    'another recipe',
    (directory) => resumeIn(directory, {}, { config: tinyConfig({ optimizer: { lr: 0.02 } }) }),
    /started with optimizer\.lr 0\.01, and cannot go on with 0\.02/,
  ],
  [
    'another build',
    (directory) => resumeIn(directory, { build: { version: '0.0.0', revision: 'newer', dirty: false } }),
    /started with build .*"none".*, and cannot go on with .*"newer"/,
  ],
  [
    'other data',
    (directory) => {
      writeFileSync(path.join(directory, 'corpus.txt'), someText(201));
      return resumeIn(directory);
    },
    /started with data \w+, and cannot go on with \w+/,
  ],
  [
    'a writer that is alive',
    (directory) => {
      const file = path.join(newest(directory), 'run.json');
      const record = readTrainingRecord(newest(directory));
      writeFileSync(file, JSON.stringify({ ...record, writer: { pid: process.ppid, host: os.hostname() } }));
      return resumeIn(directory);
    },
    /process \d+ is still at work on this run/,
  ],
];

for (const [what, resume, sentence] of refusals)
  test.serial(`a training is not continued with ${what}, and keeps what it has`, async (t) => {
    const directory = await stoppedTraining(t, 5);
    const curve = curveOf(newest(directory));
    const error = await t.throwsAsync(resume(directory), { instanceOf: UserError, message: sentence });
    t.is(error.kind, 'data');
    t.deepEqual(curveOf(newest(directory)), curve);
    t.deepEqual(readdirSync(path.join(newest(directory), 'checkpoints')), ['step-00000004', 'step-00000005']);
  });

test.serial('the recipe may be given again as it was', async (t) => {
  const directory = await stoppedTraining(t, 5);
  const [outcome] = await resumeIn(directory, {}, { config: tinyConfig() });
  t.is(outcome!.status, 'complete');
});

test('a directory that is no training run is an error that says so', async (t) => {
  const directory = temporaryDirectory(t);
  const resume = () => resumeTraining(directory, {}, fakeEnvironment(directory));
  await t.throwsAsync(resume(), { instanceOf: UserError, message: /holds no training run/ });
  writeFileSync(path.join(directory, 'run.json'), '{"kind": "bench"}');
  await t.throwsAsync(resume(), { instanceOf: UserError, message: /holds a run of another command/ });
});
