import test from 'ava';
import swat from '../../baselines/swat/baseline.js';
import type { Cell } from '../../src/bench/cells.js';
import { cellBytes, cellFlops, costOf } from '../../src/bench/work.js';

const config = { ...swat.sizes.tiny!, vocab_size: 256 };
const cost = swat.cost(config);
const cell: Cell = { kind: 'prefill', prompt: 128, generated: 0, depth: 0, batch: 2, window: null };

test('a prompt behind a context costs what both cost, less the context', (t) => {
  const whole = cellFlops(cost, { ...cell, prompt: 192 });
  const parts = cellFlops(cost, { ...cell, prompt: 64 }) + cellFlops(cost, { ...cell, prompt: 128, depth: 64 });
  t.true(Math.abs(whole - parts) < 1e-6 * whole);
  t.is(cellFlops(cost, cell), 2 * 128 * cost.flopsPerToken({ kind: 'parallel', length: 128 }));
});

test('training costs three forward passes, decoding a token each', (t) => {
  t.is(cellFlops(cost, { ...cell, kind: 'train' }), 3 * cellFlops(cost, cell));
  const one = (position: number) => cost.flopsPerToken({ kind: 'decode', position });
  const decoded = cellFlops(cost, { ...cell, kind: 'decode', prompt: 0, generated: 2, depth: 10, batch: 1 });
  t.is(decoded, one(11) + one(12));
});

test('decoding reads the weights and the state for every token', (t) => {
  const bytes = { weights: 1000, state: (batch: number, position: number) => batch * position };
  t.is(cellBytes(bytes, { ...cell, kind: 'decode', prompt: 0, generated: 2, depth: 10 }), 2000 + 22 + 24);
  t.is(cellBytes(bytes, cell), 1000);
  t.is(cellBytes(bytes, { ...cell, kind: 'train' }), null);
});

test('a window of its own changes what a cell costs; a formula for another model is none', async (t) => {
  const of = (window: Cell['window']) => costOf('swat', config, window, cost.parameters);
  const operations = async (window: Cell['window']) => cellFlops((await of(window))!, { ...cell, prompt: 512 });
  t.true((await operations(32)) < (await operations(null)));
  t.true((await operations('full')) > (await operations(null)));
  t.is(await costOf('swat', config, null, 17), null);
  t.is(await costOf('llama', config, null, cost.parameters), null);
});
