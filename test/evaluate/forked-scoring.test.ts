// Scoring from forked states gives what scoring each row from its beginning gives, for every model.
import test from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { OutOfMemoryError } from '../../src/backends/out-of-memory.js';
import { createScorer } from '../../src/evaluate/model-scorer.js';
import { plainBatch } from '../../src/evaluate/scorer.js';
import type { ScoreBatch, ScoreRow } from '../../src/evaluate/scorer.js';
import { openModel, startModel } from '../../src/models/load-language-model.js';
import { listBaselines } from '../../src/models/registry.js';

/** Where a model has the setting: weights this large make log-probabilities that a wrong state moves far. */
const SETTINGS = 'initializer_range=0.2';
const MODELS = [
  ...(await listBaselines()).map(({ name }) => `${name}:tiny`),
  ...[1, 7, 16, 24, 64].map((window) => `swat:tiny,window=${window},${SETTINGS}`),
  `swat:tiny,window=16,activation=softmax,slopes=none,${SETTINGS}`,
  `transformer:tiny,window=16,kv_heads=1,${SETTINGS}`,
];

async function start(spec: string) {
  const engine = await startEngine('wasm');
  const { model } = await startModel(await openModel(spec), engine);
  return { engine, model, scorer: createScorer(model, engine) };
}

const ids = (seed: number, length: number): number[] =>
  Array.from({ length }, (_, k) => (31 * seed + 13 * k * k + 7 * k) % 257);

/** A row that asks its last `targets - 1` ids and one more. */
function row(input: readonly number[], targets: number, last = 9): ScoreRow {
  return { input, queries: [{ targets: [...input.slice(input.length - targets + 1), last] }] };
}

/** Choices after `shared` tokens: ragged ones, one of one token (its row is the context itself), and one asked twice. */
function question(seed: number, shared: number): ScoreRow[] {
  const context = ids(seed, shared);
  const choice = (length: number) => row([...context, ...ids(seed + length, length - 1)], length, seed + length);
  const one = row(context, 1);
  return [choice(21), choice(12), choice(2), { ...one, queries: [...one.queries, { targets: [17] }, ...one.queries] }];
}

/** As WinoGrande: options after `shared` tokens, then the scored rest of the sentence, the same for both. */
function sentence(seed: number, shared: number): ScoreRow[] {
  return [5, 3].map((option) => row([...ids(seed, shared), ...ids(seed + option, option), ...ids(7, 10)], 11));
}

/** Continuations that tokenize alike for a while: targets lie in what is shared, too. */
function alike(seed: number, shared: number): ScoreRow[] {
  return [4, 1].map((rest) => row([...ids(seed, shared), ...ids(seed + rest, rest)], rest + 1 + Math.ceil(shared / 2)));
}

const batches: ScoreBatch[] = [8, 40, 72].map((shared) => ({
  shared,
  groups: [question(1, shared), sentence(2, shared), alike(3, shared), question(4, shared)],
}));

for (const spec of MODELS)
  test.serial(`${spec}: forked scoring is plain scoring`, async (t) => {
    const { model, scorer } = await start(spec);
    for (const batch of batches) {
      const rows = batch.groups.flat();
      const forked = await scorer.score(batch);
      const plain = await scorer.score(plainBatch(rows));
      t.is(forked.length, rows.length);
      for (const [i, scores] of plain.entries())
        for (const [query, expected] of scores.entries()) {
          const { logprob } = forked[i]![query]!;
          const difference = Math.abs(logprob - expected.logprob);
          t.true(difference < 1e-4, `row ${i} after ${batch.shared} shared tokens: ${logprob}, ${expected.logprob}`);
        }
    }
    model.dispose();
  });

for (const { name } of await listBaselines())
  test.serial(`${name}:tiny: a state that is lost shows in the scores`, async (t) => {
    const { model, scorer } = await start(`${name}:tiny`);
    const rows = question(1, 40).filter(({ input }) => input.length > 41);
    const whole = await scorer.score(plainBatch(rows));
    const rest = await scorer.score(plainBatch(rows.map((each) => ({ ...each, input: each.input.slice(39) }))));
    t.true(whole.some(([score], i) => Math.abs(score!.logprob - rest[i]![0]!.logprob) > 1e-2));
    model.dispose();
  });

test.serial('nothing is left in memory after a forked batch', async (t) => {
  const { model, scorer } = await start(MODELS[0]!);
  for (const batch of batches) await scorer.score(batch); // leaves constants
  const { usedBytes } = model.memory();
  for (const batch of batches) await scorer.score(batch);
  t.is(model.memory().usedBytes, usedBytes);
  model.dispose();
});

test.serial('the states that forking holds count for what fits into the heap', async (t) => {
  const { model, engine } = await start('transformer:tiny');
  const batch = batches[2]!;
  const rows = batch.groups.flat();
  const longest = Math.max(...rows.map(({ input }) => input.length));
  const memoryLimit = 2 * model.memory().usedBytes + model.activationBytes(rows.length, longest);
  const scorer = createScorer(model, { ...engine, memoryLimit });
  t.is((await scorer.score(plainBatch(rows))).length, rows.length);
  await t.throwsAsync(scorer.score(batch), { instanceOf: OutOfMemoryError });
  model.dispose();
});
