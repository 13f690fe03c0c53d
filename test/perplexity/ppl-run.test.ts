import { mkdtempSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { resumeMeasuring, startMeasuring, type MeasuringEnvironment } from '../../src/measure/measure-models.js';
import { readPplRecord, type PplRecord, type PplSettings } from '../../src/perplexity/ppl-record.js';
import { positionRows, pplRows } from '../../src/perplexity/ppl-rows.js';
import { pplMeasurement } from '../../src/perplexity/run-ppl.js';
import { writePpl } from '../../src/report/write-ppl.js';
import { UserError } from '../../src/user-error.js';

const TEXT = Array.from({ length: 300 }, (_, k) => `The ${k}th lantern hangs over the ${(k * k) % 97}th gate.`).join(
  ' ',
);

const settings: PplSettings = {
  models: ['swat:tiny,seed=1', 'retnet:tiny,seed=1'],
  text: 'own.txt',
  lengths: [32, 128],
  windows: [16, 'full'],
  tokens: 1024,
  tokenizer: null,
  backend: 'wasm',
  dtype: 'f32',
  seed: 0,
  confidence: 0.95,
  fixtures: false,
  dataDir: null,
  cacheDir: null,
  offline: false,
  allowPartial: false,
};

const ppl = pplMeasurement(async () => ({
  ...{ name: 'own.txt', origin: 'own.txt', label: null, endless: false },
  documents: [{ text: TEXT, words: 2400, bytes: Buffer.byteLength(TEXT) }],
}));

type Environment = MeasuringEnvironment<PplRecord>;

function environment(changes: Partial<Environment> = {}): Environment {
  return {
    progress: { start() {}, advance() {}, finish() {} },
    log() {},
    now: () => new Date('2026-01-02T03:04:05Z'),
    clock: () => 0,
    signal: new AbortController().signal,
    build: { version: '0.0.0', revision: 'none', dirty: false },
    save: writePpl,
    ...changes,
  };
}

const temporary = () => mkdtempSync(path.join(os.tmpdir(), 'swat-eval-ppl-'));

/** What does not depend on when and how often it was run. */
const scores = ({ results }: PplRecord) =>
  results.map((result) => (result.status === 'ok' ? [result.cell, result.unitLogprobs] : [result.cell, result.error]));

test.serial('a run that was stopped after some cells goes on to the same record', async (t) => {
  await startEngine('wasm');
  const whole = await startMeasuring(ppl, settings, temporary(), environment());
  t.deepEqual(
    whole.map(({ record }) => [record.status, record.results.length]),
    [
      ['complete', 4],
      ['complete', 2],
    ],
  );
  const stop = new AbortController();
  let saved = 0;
  const save: typeof writePpl = async (directory, record) => {
    await writePpl(directory, record);
    if (++saved === 3) stop.abort();
  };
  const begun = await startMeasuring(ppl, settings, temporary(), environment({ signal: stop.signal, save }));
  t.deepEqual(
    begun.map(({ record }) => [record.status, record.results.length]),
    [['interrupted', 2]],
  );
  const resumed = await resumeMeasuring(ppl, begun[0]!.directory, environment());
  t.deepEqual(
    resumed.map(({ record }) => scores(record)),
    whole.map(({ record }) => scores(record)),
  );
  t.deepEqual(readPplRecord(resumed[1]!.directory), resumed[1]!.record);
  const csv = await readFile(path.join(resumed[0]!.directory, 'ppl.csv'), 'utf8');
  t.is(csv.trimEnd().split('\n').length, 1 + 4);
  await t.throwsAsync(
    resumeMeasuring(ppl, begun[0]!.directory, environment({ build: { ...environment().build, revision: 'x' } })),
    {
      instanceOf: UserError,
      message: /started with build/,
    },
  );
});

test.serial('every unit of perplexity is of one sum, and the intervals hold the value', async (t) => {
  const [outcome] = await startMeasuring(
    ppl,
    { ...settings, models: ['swat:tiny,seed=1'] },
    temporary(),
    environment(),
  );
  const { record } = outcome!;
  const rows = pplRows(record);
  for (const row of rows) {
    t.is(row.tokens, 1024);
    const total = row.nats_per_token! * row.tokens;
    t.true(Math.abs(Math.log(row.word_perplexity!) * row.words - total) < 1e-6);
    t.true(Math.abs(row.bits_per_byte! * Math.LN2 * row.bytes - total) < 1e-6);
    t.true(row.nats_low! < row.nats_per_token! && row.nats_per_token! < row.nats_high!);
    const own = positionRows(record).filter(({ length, window }) => length === row.length && window === row.window);
    t.true(Math.abs(own.reduce((sum, each) => sum + each.targets * each.nats_per_token, 0) - total) < 1e-3);
    t.deepEqual([own.at(-1)!.position_from, own.at(-1)!.position_to], [row.length / 2 + 1, row.length]);
  }
  t.deepEqual(
    rows.map(({ length, window, mean_context }) => [length, window, mean_context]),
    [
      [32, 16, 16.5],
      [128, 16, 64.5],
      [32, 'full', 16.5],
      [128, 'full', 64.5],
    ],
  );
});

test.serial('a model without a window to set is measured as it is, and that is said', async (t) => {
  const said: string[] = [];
  const log = (sentence: string) => void said.push(sentence);
  const [outcome] = await startMeasuring(
    ppl,
    { ...settings, models: ['retnet:tiny'] },
    temporary(),
    environment({ log }),
  );
  t.deepEqual(
    outcome!.record.results.map(({ cell }) => cell),
    [
      { length: 32, window: null },
      { length: 128, window: null },
    ],
  );
  t.regex(said.join(), /retnet-tiny has no attention window to set/);
});
