import test from 'ava';
import { createProgress, progressMode, renderBar } from '../../src/cli/progress.js';
import type { ProgressOptions } from '../../src/cli/progress.js';

const half = { label: 'piqa', unit: 'tokens', done: 5000, total: 10000, seconds: 2 };

/** A progress reporter, what it wrote, and a clock to turn. */
function recorded(mode: ProgressOptions['mode'], columns = 80) {
  const written: string[] = [];
  const clock = { milliseconds: 0 };
  const stream = { write: (text: string) => written.push(text), isTTY: true, columns };
  return { written, clock, progress: createProgress({ stream, now: () => clock.milliseconds, mode }) };
}

test('the bar shows label, share, percent, tokens/s and time left', (t) => {
  t.is(
    renderBar(half, 60, { colour: false }),
    `piqa  ${'█'.repeat(10)}${'░'.repeat(10)}   50 %  2,500 tokens/s  0:02 left`,
  );
});

test('the bar has no escape sequences without colour, and dims its rest with it', (t) => {
  t.false(renderBar(half, 60, { colour: false }).includes('\x1b'));
  t.true(renderBar(half, 60, { colour: true }).includes('\x1b[2m░'));
});

test('the bar fits any width', (t) => {
  for (let width = 0; width <= 120; width++) t.true(renderBar(half, width, { colour: false }).length <= width);
});

test('time left is in hours where it takes hours', (t) => {
  const slow = { label: 'x', unit: 'tokens', done: 1, total: 3, seconds: 3661 };
  t.regex(renderBar(slow, 80, { colour: false }), /2:02:02 left$/);
});

test('the bar is redrawn at most ten times a second', (t) => {
  const { written, clock, progress } = recorded('bar');
  progress.start('piqa', 1000);
  for (let i = 0; i < 1000; i++) {
    clock.milliseconds = i;
    progress.advance(1);
  }
  t.is(written.length, 10);
});

test('the bar is erased at the end, and one line says what was done', (t) => {
  const { written, clock, progress } = recorded('bar');
  progress.start('piqa', 1000);
  clock.milliseconds = 2000;
  progress.advance(1000);
  progress.finish();
  t.deepEqual(written.slice(-2), ['\r\x1b[K', 'piqa: 1,000 tokens in 0:02, 500 tokens/s\n']);
});

test('a phase that is cut short leaves nothing of the bar behind', (t) => {
  const { written, progress } = recorded('bar');
  progress.start('piqa', 1000);
  progress.finish();
  t.is(written.at(-1), '\r\x1b[K');
});

test('without a terminal there is one line every 10 %', (t) => {
  const { written, clock, progress } = recorded('lines');
  progress.start('piqa', 200);
  for (let i = 1; i <= 200; i++) {
    clock.milliseconds = i * 10;
    progress.advance(1);
  }
  progress.finish();
  t.is(written.length, 10);
  t.is(written[0], 'piqa: 10 %, 100 tokens/s, 0:02 left\n');
  t.is(written[9], 'piqa: 200 tokens in 0:02, 100 tokens/s\n');
});

test('a step of many per cent is still one line', (t) => {
  const { written, clock, progress } = recorded('lines');
  progress.start('piqa', 100);
  clock.milliseconds = 1000;
  progress.advance(55);
  t.deepEqual(written, ['piqa: 55 %, 55 tokens/s, 0:01 left\n']);
});

test('a second phase starts at nothing', (t) => {
  const { written, clock, progress } = recorded('lines');
  for (const label of ['piqa', 'boolq']) {
    progress.start(label, 100);
    clock.milliseconds += 1000;
    progress.advance(100);
    progress.finish();
  }
  t.deepEqual(written, ['piqa: 100 tokens in 0:01, 100 tokens/s\n', 'boolq: 100 tokens in 0:01, 100 tokens/s\n']);
});

test('the silent mode writes nothing', (t) => {
  const { written, progress } = recorded('none');
  progress.start('piqa', 10);
  progress.advance(10);
  progress.finish();
  t.deepEqual(written, []);
});

test('a bar is for terminals; files and CI get lines, --quiet and --no-progress nothing', (t) => {
  const terminal = { write: () => true, isTTY: true };
  const file = { write: () => true };
  t.is(progressMode({ progress: true }, terminal, {}), 'bar');
  t.is(progressMode({ progress: true }, terminal, { CI: 'true' }), 'lines');
  t.is(progressMode({ progress: true }, terminal, { TERM: 'dumb' }), 'lines');
  t.is(progressMode({ progress: true }, file, {}), 'lines');
  t.is(progressMode({ progress: false }, terminal, {}), 'none');
  t.is(progressMode({ progress: true, quiet: true }, terminal, {}), 'none');
});

test('the share of what the engine could reach stands behind the speed', (t) => {
  const state = { label: 'swat', unit: 'tokens', done: 500, total: 1000, seconds: 5, ceiling: 800 };
  t.regex(renderBar(state, 80, { colour: false }), /50 % {2}100 tokens\/s \(13 % of the ceiling\) {2}0:05 left$/);
});
