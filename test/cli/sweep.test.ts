import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { readSweepRecord } from '../../src/sweep/sweep-record.js';
import { mainFile, swatEval } from './spawn.js';

const STEPS = `
title: Two cells on the fixtures
set: { limit: 1, size: tiny }
steps:
  - name: accuracy
    command: run
    for: { seed: [1, 2, 3] }
    flags: { model: 'swat:{size},seed={seed}', task: [piqa, wikitext], fixtures: true, limit: '{limit}', backend: wasm }
`;

async function sweepFile(t: { teardown(end: () => Promise<void>): void }) {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'swat-eval-sweep-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const file = path.join(directory, 'study.yaml');
  await writeFile(file, STEPS);
  return { file, tree: path.join(directory, 'tree') };
}

test.serial(
  'a sweep that gets Ctrl-C stops its cell, prints the command that goes on, and is finished by it',
  async (t) => {
    const { file, tree } = await sweepFile(t);
    const argv = ['sweep', file, '--output', tree];
    const child = spawn(process.execPath, [mainFile, ...argv], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    for await (const text of child.stderr.setEncoding('utf8') as AsyncIterable<string>) {
      stderr += text;
      if (stderr.includes('[1/3]') && !child.killed) child.kill('SIGINT');
    }
    const [code] = child.exitCode === null ? ((await once(child, 'exit')) as [number]) : [child.exitCode];
    t.is(code, 130);
    t.regex(stderr, /accuracy\/seed=1: done/);
    t.true(stderr.includes(`swat-eval sweep ${file} --output ${tree} --resume`));
    t.not(readSweepRecord(tree)!.cells[2]!.status, 'done');

    const refused = await swatEval(argv);
    t.is(refused.code, 2);
    const resumed = await swatEval([...argv, '--resume']);
    t.is(resumed.code, 0, resumed.stderr);
    t.true(resumed.stdout.includes('accuracy.svg'));
    t.deepEqual(
      readSweepRecord(tree)!.cells.map(({ status }) => status),
      ['done', 'done', 'done'],
    );
  },
);

test.serial('a cell that fails is named at the end with what it said, and the exit code is 5', async (t) => {
  const { file, tree } = await sweepFile(t);
  const { code, stderr } = await swatEval(['sweep', file, '--output', tree, '--set', 'size=huge', '--jobs', '2']);
  t.is(code, 5);
  t.regex(stderr, /accuracy\/seed=3: failed: error: unknown size of swat 'huge'/);
  t.regex(await readFile(path.join(tree, 'accuracy', 'seed=3', 'log.txt'), 'utf8'), /unknown size/);
});

test.serial(
  'a launcher is given the command of every cell and a number that no other cell has at that time',
  async (t) => {
    const { file, tree } = await sweepFile(t);
    const launcher = path.join(path.dirname(file), 'launch.sh');
    await writeFile(launcher, '#!/bin/sh\necho "job $1 begins" >&2\nshift\nexec "$@"\n', { mode: 0o755 });
    const argv = [
      'sweep',
      file,
      '--output',
      tree,
      '--set',
      'size=huge',
      '--jobs',
      '2',
      '--launcher',
      `${launcher} {job}`,
    ];
    t.is((await swatEval(argv)).code, 5);
    const logs = await Promise.all(
      [1, 2, 3].map((seed) => readFile(path.join(tree, 'accuracy', `seed=${seed}`, 'log.txt'), 'utf8')),
    );
    t.true(logs.every((log) => log.includes('unknown size')));
    t.deepEqual(
      logs
        .slice(0, 2)
        .map((log) => log.slice(0, 12))
        .sort(),
      ['job 0 begins', 'job 1 begins'],
    );
    t.regex(logs[2]!, /^job [01] begins/);

    const quoted = await swatEval(['sweep', file, '--output', tree, '--replace', '--launcher', "sh -c 'x'"]);
    t.is(quoted.code, 2);
    t.regex(quoted.stderr, /--launcher has quotes/);
    const absent = await swatEval(['sweep', file, '--output', tree, '--replace', '--launcher', 'no-such-command']);
    t.is(absent.code, 2);
    t.regex(absent.stderr, /no cell can be started by no-such-command/);
  },
);

test.serial('of several steps those run that are asked for, and the others later', async (t) => {
  const { file, tree } = await sweepFile(t);
  const second = STEPS.slice(STEPS.indexOf('  - name:')).replace('accuracy', 'again').replace('[1, 2, 3]', '[4]');
  await writeFile(file, STEPS.replace('[1, 2, 3]', '[1]') + second);
  const states = () => readSweepRecord(tree)!.cells.map(({ id, status }) => `${id} ${status}`);
  const argv = ['sweep', file, '--output', tree, '--quiet'];
  t.is((await swatEval([...argv, '--only', 'again'])).code, 0);
  t.deepEqual(states(), ['accuracy/seed=1 pending', 'again/seed=4 done']);
  t.is((await swatEval([...argv, '--resume'])).code, 0);
  t.deepEqual(states(), ['accuracy/seed=1 done', 'again/seed=4 done']);
  const unknown = await swatEval([...argv, '--resume', '--only', 'acuracy']);
  t.is(unknown.code, 2);
  t.regex(unknown.stderr, /unknown step 'acuracy' .*did you mean accuracy/s);
});
