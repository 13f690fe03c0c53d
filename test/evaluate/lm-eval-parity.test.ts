// Against lm-evaluation-harness itself: the same checkpoint, the same documents. test/fixtures/lm-eval holds what it gave,
// docs/lm-eval-parity.md says how that was made and what differed.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { loadTask } from '../../src/data/load-task.js';
import { documentValues } from '../../src/metrics/document-values.js';
import { summarizeMetric } from '../../src/metrics/summarize-metric.js';
import { packageRoot } from '../../src/package-root.js';
import { resolveTasks } from '../../src/tasks/registry.js';
import type { MetricName } from '../../src/tasks/task.js';
import { swatEval } from '../cli/spawn.js';
import { temporaryDirectory } from '../data/temporary-directory.js';
import { needsShared } from '../shared.js';
import { writeLmEvalCheckpoint } from './lm-eval-checkpoint.js';

const TOKENIZER = ['data', 'tokenizers', 'gpt-neox-20b', '20B_tokenizer.json.gz'];

/** How many documents the model scores here; lm-eval has scored 100 of each task, and all 62 pages. */
const RUNS = [
  {
    documents: 40,
    tasks: [
      'lambada_openai',
      'lambada_standard',
      'piqa',
      'hellaswag',
      'winogrande',
      'arc_easy',
      'arc_challenge',
      'social_iqa',
      'boolq',
    ],
  },
  { documents: 2, tasks: ['wikitext'] },
];

/** What lm-eval gave for one task. */
interface Reference {
  readonly version: number;
  /** As in its results.json: `acc,none`, `acc_stderr,none`. */
  readonly metrics: Readonly<Record<string, number | 'N/A'>>;
  /** In the order of the file. */
  readonly documents: readonly {
    /** SHA-256 over doc_hash, prompt_hash and target_hash, its first 16 digits. */
    readonly hash: string;
    /** One a request, rounded to 1e-4. */
    readonly logprobs: readonly number[];
    /** The same with lm-eval's `dtype=float64`. */
    readonly inFloat64?: readonly number[];
    /** Requests whose continuation was greedy; absent for none. */
    readonly greedy?: readonly number[];
  }[];
}

const readFixture = (name: string) =>
  JSON.parse(readFileSync(path.join(packageRoot, 'test', 'fixtures', 'lm-eval', `${name}.json`), 'utf8')) as unknown;
const referenceOf = (task: string) => readFixture(task) as Reference;

/** Value and standard error of every metric that lm-eval reports, from its log-likelihoods of the first documents. */
async function metricsOf(task: string, dataDir: string, count: number, bootstrapIterations: number) {
  const { metrics, documents: scored } = referenceOf(task);
  const [definition] = await resolveTasks([task]);
  const { documents } = await loadTask(definition!, { kind: 'directory', path: dataDir }, { allowPartial: true });
  const values = scored.slice(0, count).map(({ logprobs, greedy = [] }, index) =>
    documentValues(
      documents[index]!,
      logprobs.map((logprob, k) => ({ logprob, greedy: greedy.includes(k), tokens: 1 })),
    ),
  );
  return Object.keys(metrics)
    .filter((key) => !key.includes('_stderr'))
    .map((key) => {
      const name = key.replace(',none', '') as MetricName;
      const stderrKey = `${name}_stderr,none`;
      const { value, stderr } = summarizeMetric(
        name,
        values.map((of) => of[name]!),
        { bootstrapIterations: metrics[stderrKey] === 'N/A' ? 0 : bootstrapIterations, confidence: 0.95 },
      );
      return { key, stderrKey, value, stderr };
    });
}

function sameTo4Digits(t: ExecutionContext, found: unknown, wanted: unknown, what: string): void {
  const [a, b] = [Number(found), Number(wanted)];
  t.true(Math.abs(a - b) <= 5e-5 * Math.abs(b), `${what}: ${a}, expected ${b}`);
}

interface Results {
  results: Record<string, Record<string, unknown>>;
  versions: Record<string, unknown>;
  swat_eval: { model: { weightsDigest: string } };
}

interface Sample {
  doc_hash: string;
  prompt_hash: string;
  target_hash: string;
  filtered_resps: (string | [logprob: string, greedy: string])[];
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

for (const { documents, tasks } of RUNS)
  test.serial(`run gives lm-eval's log-likelihoods, hashes and metrics: ${tasks.join(', ')}`, async (t) => {
    const dataDir = needsShared(t, 'data');
    const tokenizer = needsShared(t, ...TOKENIZER);
    if (dataDir === null || tokenizer === null) return;
    const directory = await temporaryDirectory(t);
    const checkpoint = path.join(directory, 'checkpoint');
    await writeLmEvalCheckpoint(checkpoint, tokenizer);
    const { code, stderr } = await swatEval([
      ...['run', '--model', checkpoint, '--task', tasks.join(','), '--limit', String(documents), '--backend', 'wasm'],
      ...['--data-dir', dataDir, '--allow-partial', '--cache-dir', path.join(directory, 'cache')],
      ...['--output', path.join(directory, 'results')],
    ]);
    t.is(code, 0, stderr);
    const run = stderr.trim().split('\n').at(-1)!;
    const { results, versions, swat_eval } = JSON.parse(
      readFileSync(path.join(run, 'results.json'), 'utf8'),
    ) as Results;
    const { checkpoint: origin } = readFixture('origin') as { checkpoint: { weightsDigest: string } };
    t.is(swat_eval.model.weightsDigest, origin.weightsDigest, 'this is not the checkpoint that lm-eval scored');

    for (const task of tasks) {
      const reference = referenceOf(task);
      const lines = readFileSync(path.join(run, `samples_${task}.jsonl`), 'utf8')
        .trim()
        .split('\n');
      t.is(lines.length, documents);
      t.is(versions[task], reference.version);
      for (const [index, line] of lines.entries()) {
        const { doc_hash, prompt_hash, target_hash, filtered_resps } = JSON.parse(line) as Sample;
        const { hash, logprobs, inFloat64 = logprobs, greedy = [] } = reference.documents[index]!;
        const where = `${task}, document ${index}`;
        t.is(sha256(doc_hash + prompt_hash + target_hash).slice(0, 16), hash, where);
        t.is(filtered_resps.length, logprobs.length, where);
        for (const [k, response] of filtered_resps.entries()) {
          const [logprob, isGreedy = 'False'] = [response].flat();
          const wanted = inFloat64[k]!;
          const error = Math.abs(Number(logprob) - wanted);
          t.true(error <= Math.max(1e-3, 1e-7 * Math.abs(wanted)), `${where}, request ${k}: ${logprob}, not ${wanted}`);
          t.is(isGreedy, greedy.includes(k) ? 'True' : 'False', where);
        }
      }
      for (const { key, stderrKey, value, stderr: error } of await metricsOf(task, dataDir, documents, 0)) {
        sameTo4Digits(t, results[task]![key], value, `${task} ${key}`);
        sameTo4Digits(t, results[task]![stderrKey], error, `${task} ${stderrKey}`);
      }
    }
  });

for (const task of RUNS.flatMap(({ tasks }) => tasks))
  test.serial(`lm-eval's metrics and standard errors follow from its log-likelihoods: ${task}`, async (t) => {
    const dataDir = needsShared(t, 'data');
    if (dataDir === null) return;
    const { metrics, documents } = referenceOf(task);
    for (const { key, stderrKey, value, stderr } of await metricsOf(task, dataDir, documents.length, 100_000)) {
      sameTo4Digits(t, value, metrics[key], key);
      if (metrics[stderrKey] !== 'N/A') sameTo4Digits(t, stderr, metrics[stderrKey], stderrKey);
    }
  });
