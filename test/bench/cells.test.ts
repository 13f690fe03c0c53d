import test from 'ava';
import { cellName, cellsOf, cellTokens, type Grid } from '../../src/bench/cells.js';

const grid: Grid = {
  prompts: [512, 1024],
  generated: [64],
  pairs: [],
  depths: [0],
  batches: [1],
  windows: null,
  train: false,
};

const names = (changes: Partial<Grid>) => cellsOf({ ...grid, ...changes }).map(cellName);

test('tests are named as llama-bench names them', (t) => {
  t.deepEqual(names({ depths: [0, 4096], prompts: [512], pairs: [[256, 16]] }), [
    'pp512',
    'tg64',
    'pp256+tg16',
    'pp512 @ d4096',
    'tg64 @ d4096',
    'pp256+tg16 @ d4096',
  ]);
});

test('what trains comes last, and has no context before it', (t) => {
  t.deepEqual(names({ train: true, depths: [0, 64], prompts: [512], generated: [0] }), [
    'pp512',
    'pp512 @ d64',
    'train512',
  ]);
});

test('a length of 0 asks for nothing', (t) => {
  t.deepEqual(names({ prompts: [0] }), ['tg64']);
  t.deepEqual(names({ generated: [0] }), ['pp512', 'pp1024']);
});

test('every window and batch is combined with every length', (t) => {
  const cells = cellsOf({ ...grid, generated: [0], windows: [64, 'full'], batches: [1, 4] });
  t.is(cells.length, 8);
  t.deepEqual(
    cells.slice(0, 4).map(({ window, prompt, batch }) => [window, prompt, batch]),
    [
      [64, 512, 1],
      [64, 512, 4],
      [64, 1024, 1],
      [64, 1024, 4],
    ],
  );
});

test('a batch of tokens holds as many rows as fill it, and one row where there is no prompt', (t) => {
  const cells = cellsOf({ ...grid, batches: ['tokens:2048'], prompts: [512, 1024, 4096] });
  t.deepEqual(
    cells.map(({ kind, batch }) => [kind, batch]),
    [
      ['prefill', 4],
      ['prefill', 2],
      ['prefill', 1],
      ['decode', 1],
    ],
  );
  t.is(cellTokens(cells[0]!), 2048);
});

test('cells that are the same are measured once', (t) => {
  t.is(cellsOf({ ...grid, batches: [1, 'tokens:2048'] }).filter(({ kind }) => kind === 'decode').length, 1);
});
