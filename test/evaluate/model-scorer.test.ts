import * as tf from '#tfjs';
import test from 'ava';
import type { DeviceBackend } from '../../src/backends/device-backend.js';
import { startEngine } from '../../src/backends/engine.js';
import { OutOfMemoryError } from '../../src/backends/out-of-memory.js';
import { createScorer } from '../../src/evaluate/model-scorer.js';
import { plainBatch } from '../../src/evaluate/scorer.js';
import type { ScoreRow } from '../../src/evaluate/scorer.js';
import { loadModel } from '../../src/index.js';
import { openModel, startModel } from '../../src/models/load-language-model.js';
import { needsWebgpu } from '../webgpu.js';

const MODELS = ['swat:tiny,window=16,initializer_range=0.2', 'transformer:tiny,kv_heads=2,initializer_range=0.2'];

async function start(spec: string) {
  const engine = await startEngine('wasm');
  const { model } = await startModel(await openModel(spec), engine);
  return { engine, model, scorer: createScorer(model, engine) };
}

/** 32 requests of 1 to 90 context tokens and 1 to 7 continuation tokens. */
const requests = Array.from({ length: 32 }, (_, i) => {
  const ids = Array.from({ length: 2 + ((i * 37) % 97) }, (_, k) => (7 * i + 13 * k * k + k) % 257);
  const cut = Math.max(1, ids.length - 1 - (i % 7));
  return { context: ids.slice(0, cut), continuation: ids.slice(cut) };
});
const rowOf = ({ context, continuation }: (typeof requests)[number]): ScoreRow => ({
  input: [...context, ...continuation].slice(0, -1),
  queries: [{ targets: continuation }],
});

for (const spec of MODELS) {
  test.serial(`${spec}: a score is the sum of the log-softmax of the logits, greedy their argmax`, async (t) => {
    const model = await loadModel(spec, { backend: 'wasm' });
    const scores = await model.score(requests);
    for (const [i, { context, continuation }] of requests.entries()) {
      const ids = [...context, ...continuation];
      const { data, shape } = await model.logits([ids]);
      const vocabulary = shape[2];
      let logprob = 0;
      let greedy = true;
      for (let k = 0; k < continuation.length; k++) {
        const row = data.subarray((context.length + k - 1) * vocabulary, (context.length + k) * vocabulary);
        const largest = Math.max(...row);
        logprob += row[continuation[k]!]! - largest - Math.log(row.reduce((sum, z) => sum + Math.exp(z - largest), 0));
        greedy &&= row.indexOf(largest) === continuation[k];
      }
      t.true(Math.abs(scores[i]!.logprob - logprob) < 1e-4, `request ${i}: ${scores[i]!.logprob}, expected ${logprob}`);
      t.is(scores[i]!.greedy, greedy);
      t.is(scores[i]!.tokens, continuation.length);
    }
    await model.dispose();
  });

  test.serial(`${spec}: rows score alone as in a batch, however they are padded`, async (t) => {
    const { model, scorer } = await start(spec);
    const together = await scorer.score(plainBatch(requests.map(rowOf)));
    for (const [i, request] of requests.entries()) {
      const alone = (await scorer.score(plainBatch([rowOf(request)])))[0]![0]!;
      const perToken = Math.abs(alone.logprob - together[i]![0]!.logprob) / request.continuation.length;
      t.true(perToken < 1e-5, `row ${i} differs by ${perToken} a token`);
    }
    model.dispose();
  });
}

test.serial('requests that share a row score as if they did not', async (t) => {
  const { model, scorer } = await start(MODELS[0]!);
  const input = [5, 6, 7, 8];
  const targets = [[9], [10], [8, 11]];
  const shared = await scorer.score(plainBatch([{ input, queries: targets.map((ids) => ({ targets: ids })) }]));
  const apart = await scorer.score(plainBatch(targets.map((ids) => ({ input, queries: [{ targets: ids }] }))));
  shared[0]!.forEach(({ logprob }, i) => t.true(Math.abs(logprob - apart[i]![0]!.logprob) < 1e-5));
  model.dispose();
});

test.serial('what would overflow the heap is refused before it is tried', async (t) => {
  const { model, engine } = await start('swat:tiny');
  const small = { ...engine, memoryLimit: 2 * model.memory().usedBytes + 2 * model.activationBytes(1, 100) };
  const scorer = createScorer(model, small);
  const row = { input: Array<number>(100).fill(1), queries: [{ targets: [2] }] };
  t.is((await scorer.score(plainBatch([row])))[0]!.length, 1);
  await t.throwsAsync(scorer.score(plainBatch(Array<ScoreRow>(64).fill(row))), {
    instanceOf: OutOfMemoryError,
    message: /64 rows of 100 tokens/,
  });
  t.true(scorer.tokenBudget < 64 * 100);
  model.dispose();
});

test.serial('a batch that overflows the GPU leaves the model, and what it keeps, whole', async (t) => {
  if (!(await needsWebgpu(t))) return;
  const engine = await startEngine('webgpu');
  const batch = plainBatch(requests.slice(0, 4).map(rowOf));
  const scoreWith = async (overflows: boolean) => {
    const { model } = await startModel(await openModel(MODELS[0]!), engine);
    if (overflows) {
      const guard: typeof engine.guard = (body) =>
        engine.guard(async () => {
          const tooMany = (tf.backend() as DeviceBackend).device.limits.maxBufferSize / 4 + 1024;
          tf.tidy(() => tf.max(tf.fill([tooMany], 2)));
          return body();
        });
      await t.throwsAsync(createScorer(model, { ...engine, guard }).score(batch), { instanceOf: OutOfMemoryError });
    }
    const scores = await createScorer(model, engine).score(batch);
    model.dispose();
    return scores;
  };
  t.deepEqual(await scoreWith(true), await scoreWith(false));
});
