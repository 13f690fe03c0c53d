import fs, { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import * as tf from '#tfjs';
import test, { type ExecutionContext } from 'ava';
import { startEngine } from '../../src/backends/engine.js';
import { loadModel } from '../../src/index.js';
import { byteTokenizer } from '../../src/tokenizers/byte-tokenizer.js';
import { loadTokenizer } from '../../src/tokenizers/load-tokenizer.js';
import type { TextGenerator } from '../../src/tasks/text-generator.js';
import type { TrainingOutcome } from '../../src/train/run-training.js';
import { readTrainingRecord } from '../../src/train/training-record.js';
import { UserError } from '../../src/user-error.js';
import { needsWebgpu } from '../webgpu.js';
import { corpusDirectory, curveOf, someText, TINY, tinyConfig, trainIn, validationOf } from './fake-training.js';

function completed(outcome: TrainingOutcome | undefined): { directory: string; final: string } {
  if (outcome?.status === 'complete') return outcome;
  const error = outcome?.status === 'failed' ? outcome.error.message : outcome?.status;
  throw new Error(`the training is not complete: ${error}`);
}

function failure(outcome: TrainingOutcome | undefined): UserError {
  if (outcome?.status === 'failed') return outcome.error;
  throw new Error(`nothing failed: ${outcome?.status}`);
}

const lossesOf = (directory: string) => curveOf(directory).map(({ loss }) => loss!);

/** Few steps, since an emulated GPU takes seconds for one. */
async function lossesOn(t: ExecutionContext, backend: string): Promise<number[]> {
  const config = tinyConfig({ backend, steps: 3, accumulation_steps: 2, validation: undefined });
  const [outcome] = await trainIn(corpusDirectory(t), config);
  return lossesOf(completed(outcome).directory);
}

function assertClose(t: ExecutionContext, found: readonly number[], wanted: readonly number[]): void {
  const off = Math.max(...found.map((loss, k) => Math.abs(loss - wanted[k]!)));
  t.true(found.length === wanted.length && off < 1e-4, `a loss is off by ${off}`);
}

test.serial('a run directory holds the record, the curves, checkpoints and final weights that load', async (t) => {
  const directory = corpusDirectory(t);
  const [outcome] = await trainIn(directory, tinyConfig({ keep_checkpoints: 1 }));
  const { directory: run, final } = completed(outcome);
  t.deepEqual(readdirSync(run).sort(), ['checkpoints', 'final', 'run.json', 'train.jsonl', 'validation.jsonl']);
  t.deepEqual(readdirSync(path.join(run, 'checkpoints')), ['step-00000012']);
  const record = readTrainingRecord(run);
  t.is(record.status, 'complete');
  t.is(record.validation!.digest, record.data.digest);
  t.is(record.data.documents, 1);
  t.deepEqual(record.places, { recipe: path.relative(run, directory), data: path.relative(run, directory) });
  t.is(await loadTokenizer(final), byteTokenizer);
  const model = await loadModel(final, { backend: 'cpu' });
  t.is(model.parameterCount, record.model.parameters);
  t.like(model.config, { window_size: 8, eos_token_id: 256 });
  await model.dispose();
  const losses = lossesOf(run);
  t.true(losses.at(-1)! < losses[0]! - 1, `${losses[0]} to ${losses.at(-1)}`);
  t.is(curveOf(run).at(-1)!.tokens, 12 * 32);
});

test.serial('validation predicts the same tokens at every length', async (t) => {
  const [outcome] = await trainIn(corpusDirectory(t));
  const { directory, final } = completed(outcome);
  const rows = validationOf(directory);
  t.deepEqual(
    rows.map(({ step, length, tokens }) => [step, length, tokens]),
    [6, 12].flatMap((step) => [8, 32].map((length) => [step, length, 64])),
  );
  const model = await loadModel(final, { backend: 'cpu' });
  const ids = byteTokenizer.encode(someText(200)).slice(0, 65);
  for (const length of [8, 32]) {
    const requests = Array.from({ length: 64 }, (_, k) => ({
      context: ids.slice(k - (k % length), k + 1),
      continuation: [ids[k + 1]!],
    }));
    const scores = await model.score(requests);
    const loss = -scores.reduce((sum, { logprob }) => sum + logprob, 0) / 64;
    const found = rows.find((row) => row.step === 12 && row.length === length)!;
    t.true(Math.abs(found.loss - loss) < 1e-5, `at ${length}: ${found.loss}, one by one ${loss}`);
    t.is(found.perplexity, Math.exp(found.loss));
  }
  await model.dispose();
});

test.serial('training leaves no tensor behind', async (t) => {
  (await startEngine('cpu')).use();
  const before = tf.memory().numTensors;
  await trainIn(corpusDirectory(t), tinyConfig({ accumulation_steps: 2 }));
  t.is(tf.memory().numTensors, before);
});

test.serial('small batches that are accumulated make the step of one large batch', async (t) => {
  const budget = { steps: 8, checkpoint_every: 8 };
  const of = async (changes: object) => {
    const [outcome] = await trainIn(corpusDirectory(t), tinyConfig({ ...budget, ...changes }));
    return lossesOf(completed(outcome).directory);
  };
  assertClose(t, await of({ batch_size: 1, accumulation_steps: 4 }), await of({ batch_size: 'tokens:64' }));
});

test.serial('wasm trains as cpu does', async (t) =>
  assertClose(t, await lossesOn(t, 'wasm'), await lossesOn(t, 'cpu')),
);

test.serial('webgpu trains as cpu does', async (t) => {
  if (await needsWebgpu(t)) assertClose(t, await lossesOn(t, 'webgpu'), await lossesOn(t, 'cpu'));
});

test.serial('a backend that a package registers, as tfjs-node does, trains as cpu does', async (t) => {
  const importer = async () => {
    tf.registerBackend('tensorflow', tf.findBackendFactory('cpu')!);
    tf.copyRegisteredKernels('cpu', 'tensorflow');
  };
  await startEngine('tensorflow', { importer });
  assertClose(t, await lossesOn(t, 'tensorflow'), await lossesOn(t, 'cpu'));
});

const endless: TextGenerator = {
  name: 'endless',
  description: 'sentences without end',
  *documents(seed, split) {
    for (let k = 0; ; k++) yield `${split} document ${k} of ${seed}.`;
  },
};

test.serial('a generator writes as much text as is read, of a split for each use', async (t) => {
  const config = tinyConfig({
    data: { generator: 'endless' },
    validation: { data: { generator: 'endless' }, lengths: [16], tokens: 32 },
    seeds: { init: 0, data: 9 },
  });
  const [outcome] = await trainIn(corpusDirectory(t), config, { loadGenerator: async () => endless });
  const { data, validation, plan } = readTrainingRecord(completed(outcome).directory);
  t.true(data.tokens >= 12 * 32 && data.tokens < 12 * 32 + 30);
  t.true(plan.epochs <= 1);
  t.deepEqual(data.source, { kind: 'generator', name: 'endless', seed: 9, split: 'train' });
  t.like(validation!.source, { split: 'validation' });
});

test.serial('a budget larger than the corpus goes over it again, and says so', async (t) => {
  const directory = corpusDirectory(t);
  writeFileSync(path.join(directory, 'corpus.txt'), someText(4));
  const remarks: string[] = [];
  const [outcome] = await trainIn(directory, tinyConfig(), { log: (sentence) => remarks.push(sentence) });
  completed(outcome);
  t.regex(remarks.join('\n'), /the data has \d+ tokens: the budget goes over it \d\.\d\d times/);
});

test.serial(
  'a recipe trains its models one after the other on the same tokens, and sets the window of those that have one',
  async (t) => {
    const model = { swat: TINY, gla: 'gla:tiny,hidden=16,heads=2,layers=1,intermediate_size=32' };
    const remarks: string[] = [];
    const outcomes = await trainIn(corpusDirectory(t), tinyConfig({ model, window: 5, steps: 3 }), {
      log: (sentence) => remarks.push(sentence),
    });
    const records = outcomes.map((outcome) => readTrainingRecord(completed(outcome).directory));
    t.deepEqual(
      records.map(({ name, model: { window } }) => [name, window]),
      [
        ['swat', 5],
        ['gla', null],
      ],
    );
    t.is(records[0]!.data.digest, records[1]!.data.digest);
    t.true(remarks.includes('gla has no attention window to set: it is trained as it is'));
    t.is(remarks.filter((remark) => remark.startsWith('encoding')).length, 1);
  },
);

test.serial('a loss that diverges stops with the step, the batch and the last good checkpoint', async (t) => {
  const directory = corpusDirectory(t);
  // The last row of the corpus's order is poisoned by a rate that only its step has.
  const config = tinyConfig({
    optimizer: { lr: 1e25 },
    max_grad_norm: null,
    checkpoint_every: 1,
    schedule: { warmup_steps: 12 },
  });
  const [outcome] = await trainIn(directory, config);
  const error = failure(outcome);
  t.is(error.kind, 'failure');
  t.regex(
    error.message,
    /^training diverged at step 2, rows 2 to 3 \(documents 0\): .* is (NaN|Infinity|-Infinity|\d)/,
  );
  t.regex(error.message, /the last good checkpoint is .*step-00000001$/);
  t.like(readTrainingRecord(outcome!.directory), { status: 'failed', failure: error.message });
});

test.serial('on a full disk training stops, and the checkpoints before stay', async (t) => {
  const directory = corpusDirectory(t);
  const { promises } = fs;
  const original = promises.open;
  promises.open = (async (...args: Parameters<typeof original>) => {
    if (String(args[0]).includes('step-00000008'))
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    return original(...args);
  }) as typeof original;
  syncBuiltinESMExports();
  let outcomes: TrainingOutcome[];
  try {
    outcomes = await trainIn(directory);
  } finally {
    promises.open = original;
    syncBuiltinESMExports();
  }
  const error = failure(outcomes[0]);
  t.is(error.kind, 'failure');
  t.regex(error.message, /cannot write .*: no space is left on the device; the checkpoints before are kept/);
  t.is(error.hint, `make room, then swat-eval train --resume ${outcomes[0]!.directory}`);
  t.deepEqual(readdirSync(path.join(outcomes[0]!.directory, 'checkpoints')), ['step-00000004']);
});

const mistakes: [what: string, recipe: Record<string, unknown>, sentence: RegExp][] = [
  [
    'heads that do not divide',
    { model: TINY.replace('heads=2', 'heads=3') },
    /hidden size of 16 does not divide into 3 heads/,
  ],
  ['an unknown model', { model: 'swatt:tiny' }, /model swatt:tiny: unknown baseline 'swatt'/],
  ['a file that is not there', { data: 'corpse.txt' }, /there is no file .*corpse\.txt/],
  ['an unknown generator', { data: { generator: 'nobody' } }, /unknown generator "nobody"/],
  [
    'a tokenizer of more ids than the model has',
    { model: `${TINY},vocab=100` },
    /tokenizer has 257 ids, and the model a vocabulary of 100/,
  ],
  [
    'validation longer than its text',
    { validation: { data: 'corpus.txt', lengths: [20000] } },
    /validation at length 20000 needs 20001 tokens/,
  ],
  ['a warm-up longer than the run', { schedule: { warmup_steps: 13 } }, /warmup_steps is 13, and the run has 12 steps/],
  [
    'a batch of fewer tokens than a row',
    { batch_size: 'tokens:15' },
    /batch_size is tokens:15, and a row alone has 16/,
  ],
];

for (const [what, recipe, sentence] of mistakes)
  test.serial(`${what}: an error of one sentence before anything is written`, async (t) => {
    const directory = corpusDirectory(t);
    const error = await t.throwsAsync(trainIn(directory, tinyConfig(recipe)), {
      instanceOf: UserError,
      message: sentence,
    });
    t.is(error.exitCode, 3);
    t.false(existsSync(path.join(directory, 'results')));
  });

test.serial('text files, JSON lines and their gzipped forms make one corpus', async (t) => {
  const directory = corpusDirectory(t);
  writeFileSync(path.join(directory, 'a.txt.gz'), gzipSync('one'));
  writeFileSync(path.join(directory, 'b.jsonl'), '{"body": "two"}\n\n{"body": ""}\n{"body": "three"}\n');
  appendFileSync(path.join(directory, 'corpus.txt'), 'end');
  const config = tinyConfig({
    data: { files: ['a.txt.gz', 'b.jsonl', 'corpus.txt'], text_field: 'body' },
    validation: undefined,
    steps: 1,
  });
  const [outcome] = await trainIn(directory, config);
  const { data } = readTrainingRecord(completed(outcome).directory);
  t.is(data.documents, 4);
  t.is(data.tokens, 'onetwothree'.length + readFileSync(path.join(directory, 'corpus.txt')).length + 4);
});
