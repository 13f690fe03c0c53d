import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import type { RunRecord } from '../../src/evaluate/run-record.js';
import { needsWebgpu } from '../webgpu.js';
import { mainFile, swatEval } from './spawn.js';

const MODEL = ['--model', 'swat:tiny,seed=1', '--backend', 'webgpu', '--fixtures'];
const NO_DRIVER = { VK_DRIVER_FILES: '', VK_ICD_FILENAMES: '/nowhere/icd.json' };

const temporary = () => mkdtemp(path.join(os.tmpdir(), 'swat-eval-webgpu-'));

// Dawn runs threads of its own: that these tests come to their end is what they show first.

test.serial('a run on webgpu records the kernels that ran and the memory that it took', async (t) => {
  if (!(await needsWebgpu(t))) return;
  const argv = ['run', ...MODEL, '--task', 'winogrande', '--limit', '2', '--output', await temporary()];
  const { code, stderr } = await swatEval(argv);
  t.is(code, 0, stderr);
  t.regex(stderr, /^swat-tiny: fused kernels; memory at most \S+ [KM]iB scoring, .*; weights 482 KiB, state of/m);
  const directory = stderr.trim().split('\n').at(-1)!;
  const { loaded } = JSON.parse(await readFile(path.join(directory, 'run.json'), 'utf8')) as RunRecord;
  const { weightsBytes, loadPeakBytes, scorePeakBytes, heldBytes } = loaded!.observed!.memory;
  t.true(weightsBytes <= loadPeakBytes && loadPeakBytes <= scorePeakBytes && heldBytes <= scorePeakBytes);
  const results = JSON.parse(await readFile(path.join(directory, 'results.json'), 'utf8')) as { swat_eval: object };
  t.like(results.swat_eval, { observed: loaded!.observed });
});

test.serial('Ctrl-C ends a run on webgpu, and the command that it prints goes on', async (t) => {
  if (!(await needsWebgpu(t))) return;
  const argv = ['run', ...MODEL, '--task', 'piqa,hellaswag', '--batch-size', '1', '--output', await temporary()];
  const child = spawn(process.execPath, [mainFile, ...argv], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (/tokens\/s/.test(text)) child.kill('SIGINT');
  });
  const [code] = (await once(child, 'close')) as [number];
  t.is(code, 130, stderr);
  const [, command] = /try: swat-eval (run --resume .*)/.exec(stderr)!;
  t.is((await swatEval(command!.split(' '))).code, 0);
});

test.serial('without a driver, errors and reports name what is missing', async (t) => {
  const { code, stderr } = await swatEval(['run', ...MODEL, '--task', 'piqa'], NO_DRIVER);
  t.is(code, 6);
  const sentence = process.platform === 'linux' ? /VK_ICD_FILENAMES=\/nowhere\/icd\.json names no driver/ : /no GPU/;
  t.regex(stderr, sentence);
  t.regex(stderr, /\n {2}try: /);
  t.regex((await swatEval(['env'], NO_DRIVER)).stdout, sentence);
});

test.serial('env and ls backends say what of the adapter is used', async (t) => {
  if (!(await needsWebgpu(t))) return;
  t.regex((await swatEval(['env'])).stdout, /^ {2}f16 products +(tensor cores|f32 kernels on weights in f16: no)/m);
  t.regex((await swatEval(['ls', 'backends'])).stdout, /^webgpu: workgroup memory: \d+ KiB/m);
});
