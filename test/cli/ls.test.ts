import test from 'ava';
import { swatEval } from './spawn.js';

const parse = (text: string) => JSON.parse(text) as Record<string, unknown>[];

test('ls tasks --json lists every task with its kind, rows and metrics', async (t) => {
  const { code, stdout } = await swatEval(['ls', 'tasks', '--json']);
  t.is(code, 0);
  const piqa = parse(stdout).find(({ name }) => name === 'piqa');
  t.is(piqa?.kind, 'multiple-choice');
  t.is(piqa?.rows, 1838);
  t.true(Array.isArray(piqa?.metrics));
});

test('ls tasks --json lists the groups with their tasks', async (t) => {
  const { stdout } = await swatEval(['ls', 'tasks', '--json']);
  const paper = parse(stdout).find(({ name }) => name === 'paper');
  t.is(paper?.kind, 'group');
  t.true((paper?.tasks as string[]).includes('piqa'));
});

test('ls baselines --json lists the model families with their sizes', async (t) => {
  const { code, stdout } = await swatEval(['ls', 'baselines', '--json']);
  t.is(code, 0);
  const swat = parse(stdout).find(({ name }) => name === 'swat');
  t.true((swat?.sizes as string[]).includes('tiny'));
});

test('ls baselines --json says what the 340M size costs and what it is checked against', async (t) => {
  const { stdout } = await swatEval(['ls', 'baselines', '--json']);
  const find = (wanted: string) => parse(stdout).find(({ name }) => name === wanted);
  t.deepEqual(find('swat')?.cost, {
    size: '340m',
    position: 4096,
    parameters: 341_099_520,
    stateBytes: 4 * 24 * 2 * 256 * 1024,
    flopsPerToken: 2 * 341_099_520 + 24 * 256 * (4 * 1024 + 5 * 16),
  });
  t.true((find('swat')?.reference as { golden: string[] }).golden.includes('swat-gqa'));
  t.deepEqual((find('titans')?.reference as { golden: string[] }).golden, []);
});

test('ls baselines prints one line a baseline under a header, and what the figures are of', async (t) => {
  const { stdout } = await swatEval(['ls', 'baselines']);
  t.regex(stdout, /^baseline +sizes +params +state +FLOPs\/token +reference +golden/);
  t.regex(stdout, /^swat +tiny, 340m, 760m +341\.1M +48\.0 MiB +707\.9M /m);
  t.regex(stdout, /340m, f32, one row, the token at position 4096/);
});

test('ls backends --json says of each backend whether it is there, and why', async (t) => {
  const { code, stdout } = await swatEval(['ls', 'backends', '--json']);
  t.is(code, 0);
  const wasm = parse(stdout).find(({ name }) => name === 'wasm');
  t.is(wasm?.available, true);
  t.is(typeof wasm?.reason, 'string');
});

test('ls tasks prints one line a task under a header', async (t) => {
  const [table, json] = await Promise.all([swatEval(['ls', 'tasks']), swatEval(['ls', 'tasks', '--json'])]);
  const lines = table.stdout.trimEnd().split('\n');
  t.regex(lines[0]!, /^task +aliases +kind +documents +metrics/);
  t.is(lines.length, 1 + parse(json.stdout).length);
});
