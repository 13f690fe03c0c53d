import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { summarizeMetric } from '../../src/metrics/summarize-metric.js';
import { readLeaders } from '../../src/report/read-leaders.js';
import { readSampledRun } from '../../src/report/read-samples.js';
import type { ScoredDocument } from '../../src/report/samples.js';
import { writeRun } from '../../src/report/write-run.js';
import { UserError } from '../../src/user-error.js';
import { exampleRun, exampleTask } from './example-run.js';

const page = (index: number, logprob: number): ScoredDocument => ({
  document: {
    kind: 'rolling',
    index,
    row: {},
    requests: [{ kind: 'rolling', text: 'a page' }],
    target: 'a page',
    words: 2,
    bytes: 6,
  },
  scores: [{ logprob, greedy: false, tokens: 6 }],
  values: { word_perplexity: [logprob, 2] },
});
const word = (index: number, logprob: number): ScoredDocument => ({
  document: {
    kind: 'loglikelihood',
    index,
    row: {},
    requests: [{ kind: 'loglikelihood', context: 'a', continuation: ' b' }],
    target: ' b',
  },
  scores: [{ logprob, greedy: true, tokens: 1 }],
  values: { perplexity: logprob, acc: 1 },
});

const options = { bootstrapIterations: 0, confidence: 0.95 };
const run = exampleRun('m', [
  exampleTask('pages', [summarizeMetric('word_perplexity', [[-7, 2]], options)], { kind: 'rolling', documents: 2 }),
  exampleTask('words', [summarizeMetric('perplexity', [-1], options), summarizeMetric('acc', [1], options)], {
    kind: 'loglikelihood',
    documents: 1,
  }),
]);

async function written(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'swat-eval-samples-'));
  const samples = new Map([
    ['pages', [page(0, -7.123456789012345), page(3, 1e-7)]],
    ['words', [word(1, -Infinity)]],
  ]);
  await writeRun(directory, run, samples, 'scores');
  return directory;
}

test('documents read back as they were scored', async (t) => {
  const directory = await written();
  const { summary, documents } = await readSampledRun(directory);
  t.deepEqual(summary, run);
  t.deepEqual(documents.get('pages'), [
    { id: 0, logprobs: [-7.123456789012345], values: { word_perplexity: [-7.123456789012345, 2] } },
    { id: 3, logprobs: [1e-7], values: { word_perplexity: [1e-7, 2] } },
  ]);
  t.deepEqual((await readSampledRun(path.join(directory, 'results.json'))).documents, documents);
});

test('a log-probability that was not finite is still none', async (t) => {
  const [document] = (await readSampledRun(await written())).documents.get('words')!;
  t.deepEqual(document, { id: 1, logprobs: [-Infinity], values: { perplexity: NaN, acc: 1 } });
});

test('a task without samples has no documents', async (t) => {
  const directory = await written();
  await rm(path.join(directory, 'samples_words.jsonl'));
  t.deepEqual([...(await readSampledRun(directory)).documents.keys()], ['pages']);
});

test('samples that are cut short or damaged are refused', async (t) => {
  const directory = await written();
  const file = path.join(directory, 'samples_pages.jsonl');
  const text = await readFile(file, 'utf8');
  for (const [damaged, message] of [
    [text.slice(0, -9), /it has 1 documents, and results\.json 2/],
    [text.replace('"doc_id":0', '"doc_id":"0"'), /samples cannot be read/],
    [text.replace('{"doc_id":0', '{"doc_id"'), /samples cannot be read/],
  ] as const) {
    await writeFile(file, damaged);
    const error = await t.throwsAsync(readSampledRun(directory), { instanceOf: UserError, message });
    t.is(error.kind, 'data');
  }
});

test('without the documents of two runs nothing is marked as best or said to be none', async (t) => {
  const bare = await written();
  for (const task of ['pages', 'words']) await rm(path.join(bare, `samples_${task}.jsonl`));
  const whole = await written();
  t.is(await readLeaders([bare, whole]), null);
  t.not(await readLeaders([whole, await written()]), null);
});
