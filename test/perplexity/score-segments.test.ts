import test from 'ava';
import { startEngine, type Engine } from '../../src/backends/engine.js';
import { OutOfMemoryError } from '../../src/backends/out-of-memory.js';
import { inputAndTargets } from '../../src/evaluate/encode-pair.js';
import { createScorer } from '../../src/evaluate/model-scorer.js';
import { rollingWindows } from '../../src/evaluate/rolling-windows.js';
import { plainBatch } from '../../src/evaluate/scorer.js';
import type { Decoder } from '../../src/models/decoder.js';
import { openModel, startModel } from '../../src/models/load-language-model.js';
import { listBaselines } from '../../src/models/registry.js';
import { withWindow } from '../../src/models/set-window.js';
import { measureCell } from '../../src/perplexity/measure-cell.js';
import { scoreSegments, type ScoringOptions } from '../../src/perplexity/score-segments.js';
import { segmentsOf, unitsOf, type TargetStream } from '../../src/perplexity/target-stream.js';
import { END_OF_TEXT } from '../../src/tokenizers/byte-tokenizer.js';

const engine = await startEngine('wasm');

async function start(spec: string): Promise<Decoder> {
  return (await startModel(await openModel(spec), engine)).model;
}

/** Letters in no order, in documents of these lengths. */
function streamOf(...lengths: number[]): TargetStream {
  const bounds = [0];
  for (const length of lengths) bounds.push(bounds.at(-1)! + length);
  const targets = Int32Array.from({ length: bounds.at(-1)! }, (_, k) => 97 + (((k * 7919 + 13) ** 2 % 10007) % 26));
  const inputs = new Int32Array(targets.length);
  inputs.set(targets.subarray(0, -1), 1);
  for (const start of bounds.slice(0, -1)) inputs[start] = END_OF_TEXT;
  return { inputs, targets, bounds, words: 1, bytes: targets.length, digest: '' };
}

const options: ScoringOptions = { passTokens: 4096, signal: new AbortController().signal, advance: () => {} };

const score = (
  model: Decoder,
  stream: TargetStream,
  length: number,
  changes: Partial<ScoringOptions> = {},
  on = engine,
) => scoreSegments(model, on, stream, segmentsOf(stream, length), { ...options, ...changes });

function furthest(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, k) => Math.max(most, Math.abs(value - b[k]!)), 0);
}

for (const { name } of await listBaselines())
  test.serial(`${name}: passes with the state carried over are one long forward pass`, async (t) => {
    const model = await start(`${name}:tiny,seed=3`);
    const stream = streamOf(200, 75);
    const whole = await score(model, stream, 200);
    const carried = await score(model, stream, 200, { passTokens: 64 });
    t.true(furthest(whole, carried) < 1e-4, String(furthest(whole, carried)));
    t.true(new Set(whole).size > 200);
    model.dispose();
  });

test.serial('disjoint segments are the rolling windows that `run` scores', async (t) => {
  const model = await start('swat:tiny,window=8,seed=1');
  const stream = streamOf(96, 32);
  const ours = await score(model, stream, 32);
  const scorer = createScorer(model, engine);
  const windows = [0, 1].flatMap((k) =>
    rollingWindows([...stream.targets.subarray(stream.bounds[k], stream.bounds[k + 1])], END_OF_TEXT, 32),
  );
  const rows = windows.map((window) => {
    const asked = inputAndTargets(window, 32);
    if (asked.kind !== 'scorable') throw new Error(asked.reason);
    return { input: asked.input, queries: [{ targets: asked.targets }] };
  });
  const theirs = (await scorer.score(plainBatch(rows))).map(([query]) => query!.logprob);
  t.is(theirs.length, 4);
  theirs.forEach((logprob, k) => {
    const own = ours.subarray(32 * k, 32 * k + 32).reduce((sum, value) => sum + value, 0);
    t.true(Math.abs(own - logprob) < 1e-4, `${own} ${logprob}`);
  });
  model.dispose();
});

test.serial('a window of the length and more is no window, a shorter one is', async (t) => {
  const model = await start('transformer:tiny,seed=1');
  const stream = streamOf(128);
  const full = await score(model, stream, 64);
  t.true(furthest(full, await score(withWindow(model, 64), stream, 64)) < 1e-5);
  t.true(furthest(full, await score(withWindow(model, 8), stream, 64)) > 1e-3);
  model.dispose();
});

/** An engine that has room for so many passes only, every time. */
function crowded(allowed: (call: number) => boolean): Engine {
  let call = 0;
  return {
    ...engine,
    guard: async (body) => {
      if (!allowed(call++)) throw new OutOfMemoryError('no room');
      return body();
    },
  };
}

test.serial('a pass that does not fit is made smaller, and the scores stay', async (t) => {
  const model = await start('gla:tiny,seed=1');
  const stream = streamOf(2048);
  const roomy = await score(model, stream, 1024);
  let scored = 0;
  const advance = (targets: number) => (scored += targets);
  const tight = await score(
    model,
    stream,
    1024,
    { advance },
    crowded((call) => call !== 0),
  );
  t.true(furthest(roomy, tight) < 1e-4);
  t.is(scored, 2048);
  model.dispose();
});

test.serial('what never fits is an OOM cell, and leaves nothing behind', async (t) => {
  const model = await start('swat:tiny,seed=1');
  const stream = streamOf(1024);
  const before = model.memory().usedBytes;
  const cell = await measureCell(
    model,
    crowded(() => false),
    stream,
    unitsOf(stream),
    512,
    {
      ...options,
      clock: () => 0,
    },
  );
  t.deepEqual(cell, { status: 'OOM', error: 'no room' });
  t.true(model.memory().usedBytes <= before);
  model.dispose();
});

test.serial('a measured cell has the sums of its units and positions, and what it took', async (t) => {
  const model = await start('swat:tiny,seed=1');
  const stream = streamOf(1200, 300);
  let clock = 0;
  const units = unitsOf(stream);
  const cell = await measureCell(model, engine, stream, units, 100, { ...options, clock: () => (clock += 500) });
  if (cell?.status !== 'ok') return t.fail(JSON.stringify(cell));
  const total = (await score(model, stream, 100)).reduce((sum, value) => sum + value, 0);
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
  t.true(Math.abs(sum(cell.unitLogprobs) - total) < 1e-2);
  t.true(Math.abs(sum(cell.positions.map(({ logprob }) => logprob)) - total) < 1e-2);
  t.is(cell.unitLogprobs.length, 3);
  t.deepEqual(
    cell.positions.map(({ tokens, targets }) => [tokens, targets]),
    [
      [1, 15],
      [2, 15],
      [4, 30],
      [8, 60],
      [16, 120],
      [32, 240],
      [64, 480],
      [100, 540],
    ],
  );
  t.is(cell.meanContext, 50.5);
  t.is(cell.seconds, 0.5);
  t.true(cell.peakBytes > 4 * model.parameterCount);
  t.is(cell.kernels, 'composite');
  model.dispose();
});
