import { mkdtemp, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { writePpl } from '../../src/report/write-ppl.js';
import { examplePpl } from '../report/example-ppl.js';
import { swatEval } from './spawn.js';

const temporary = () => mkdtemp(path.join(os.tmpdir(), 'swat-eval-report-'));

test('report writes one page beside the run, and prints its path', async (t) => {
  const tree = await temporary();
  await writePpl(path.join(tree, 'swat', '1'), examplePpl('swat-tiny'));
  const { code, stdout, stderr } = await swatEval(['report', tree, '--title', 'A <b> title']);
  t.is(code, 0, stderr);
  t.is(stdout, `${path.join(tree, 'report.html')}\n`);
  t.true((await readFile(path.join(tree, 'report.html'), 'utf8')).includes('<h1>A &lt;b&gt; title</h1>'));
});

test('plot draws what `ppl` measured', async (t) => {
  const tree = await temporary();
  await writePpl(path.join(tree, 'swat', '1'), examplePpl('swat-tiny'));
  const { stdout } = await swatEval(['plot', tree]);
  t.deepEqual(
    stdout
      .trim()
      .split('\n')
      .map((file) => path.basename(file)),
    [
      'ppl-by-length.svg',
      'ppl-by-length.png',
      'ppl-by-position.svg',
      'ppl-by-position.png',
      'ppl-memory.svg',
      'ppl-memory.png',
    ],
  );
});

test('table has the layout of Table 2 for what `ppl` measured, and for nothing else', async (t) => {
  const tree = await temporary();
  await writePpl(path.join(tree, 'swat', '1'), examplePpl('swat-tiny'));
  const grid = await swatEval(['table', tree, '--layout', 'table2']);
  t.regex(grid.stdout, /Eval window +book\.txt 128/);
  const paper = await swatEval(['table', tree, '--layout', 'paper']);
  t.is(paper.code, 2);
  t.regex(paper.stderr, /there is no evaluation/);
});

test('a directory without runs is an error', async (t) => {
  const { code, stderr } = await swatEval(['report', await temporary()]);
  t.is(code, 3);
  t.regex(stderr, /is no run/);
});
