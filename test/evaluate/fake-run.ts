// A run without a network: own sentences as tasks, bytes as tokens, and a model whose answers are hashes of what it is asked.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { OutOfMemoryError } from '../../src/backends/out-of-memory.js';
import type { LoadedTask } from '../../src/data/load-task.js';
import type { RunResult } from '../../src/evaluate/evaluate-model.js';
import type { LoadedModel, ModelSource } from '../../src/evaluate/model-source.js';
import { createRequestEncoder } from '../../src/evaluate/request-encoder.js';
import { buildPlan } from '../../src/evaluate/plan.js';
import type { Plan, PlanSettings } from '../../src/evaluate/plan.js';
import type { RunEnvironment, RunOutcome } from '../../src/evaluate/run-models.js';
import type { RunObservation } from '../../src/evaluate/run-summary.js';
import type { RunSettings } from '../../src/evaluate/run-settings.js';
import type { QueryScore, ScoreBatch, Scorer } from '../../src/evaluate/scorer.js';
import type { Document, Task } from '../../src/tasks/task.js';
import { byteTokenizer } from '../../src/tokenizers/byte-tokenizer.js';

const NOUNS = ['lantern', 'harbour', 'orchard', 'violin', 'glacier', 'kettle', 'meadow', 'compass'];

function task(name: string, kind: Task['kind'], metrics: Task['metrics'], rows: number): Task {
  return {
    name,
    aliases: [],
    version: '1.0',
    kind,
    description: `own sentences for ${name}`,
    dataset: { file: `${name}.jsonl`, hub: 'nobody/nothing', split: 'test', rows, digest: '0'.repeat(64) },
    metrics,
    paperColumns: [],
    document: () => {
      throw new Error('the documents of a fake task are made, not read');
    },
  };
}

const noun = (index: number): string => NOUNS[index % NOUNS.length]!;

function choiceDocument(index: number): Document {
  const context = `Question: where is the ${noun(index)} number ${index}?\nAnswer:`;
  const choices = [noun(index + 1), noun(index + 2), `${noun(index + 3)} ${noun(index)}`];
  return {
    kind: 'multiple-choice',
    index,
    row: { context },
    requests: choices.map((choice) => ({ kind: 'loglikelihood', context, continuation: ` ${choice}` })),
    target: index % 3,
    choices,
    gold: index % 3,
  };
}

/** Two choices that differ in their last byte only: both are asked of one row. */
function yesNoDocument(index: number): Document {
  const context = `Is the ${noun(index)} older than ${index} years?\nAnswer: `;
  const choices = ['n', 'y'];
  return {
    kind: 'multiple-choice',
    index,
    row: { context },
    requests: choices.map((continuation) => ({ kind: 'loglikelihood', context, continuation })),
    target: index % 2,
    choices,
    gold: index % 2,
  };
}

/** A context that fits beside its choices: they are computed from one state. Of every third document, two are the same. */
function endingDocument(index: number): Document {
  const context = `The ${noun(index)} has ${index} of`;
  const choices = [noun(index + 1), noun(index + (index % 3 === 0 ? 1 : 2)), `${noun(index + 3)}s`, 'x'];
  return {
    kind: 'multiple-choice',
    index,
    row: { context },
    requests: choices.map((choice) => ({ kind: 'loglikelihood', context, continuation: ` ${choice}` })),
    target: index % 4,
    choices,
    gold: index % 4,
  };
}

/** As WinoGrande: the choices stand in the context, and what is scored is the rest of the sentence. */
function optionDocument(index: number): Document {
  const choices = [noun(index), noun(index + 1)];
  const context = (choice: string): string => `Near the ${index}th gate the ${choice}`;
  return {
    kind: 'multiple-choice',
    index,
    row: {},
    requests: choices.map((choice) => ({ kind: 'loglikelihood', context: context(choice), continuation: ' fell.' })),
    target: index % 2,
    choices,
    gold: index % 2,
  };
}

function lastWordDocument(index: number): Document {
  const request = {
    kind: 'loglikelihood',
    context: `They carried the ${noun(index)} to the`,
    continuation: ` ${noun(index + 5)}`,
  } as const;
  return { kind: 'loglikelihood', index, row: {}, requests: [request], target: request.continuation };
}

function pageDocument(index: number): Document {
  const text = Array.from({ length: 10 + 7 * index }, (_, word) => noun(word * (index + 1))).join(' ');
  const words = text.split(' ').length;
  return {
    kind: 'rolling',
    index,
    row: {},
    requests: [{ kind: 'rolling', text }],
    target: text,
    words,
    bytes: text.length,
  };
}

const kinds: [Task, (index: number) => Document][] = [
  [task('choices', 'multiple-choice', ['acc', 'acc_norm'], 14), choiceDocument],
  [task('yes_no', 'multiple-choice', ['acc'], 9), yesNoDocument],
  [task('last_word', 'loglikelihood', ['perplexity', 'acc'], 7), lastWordDocument],
  [task('pages', 'rolling', ['word_perplexity', 'byte_perplexity', 'bits_per_byte'], 4), pageDocument],
  [task('endings', 'multiple-choice', ['acc'], 11), endingDocument],
  [task('options', 'multiple-choice', ['acc'], 6), optionDocument],
];

export const fakeTasks: readonly LoadedTask[] = kinds.map(([fake, make]) => ({
  task: fake,
  documents: Array.from({ length: fake.dataset.rows }, (_, index) => make(index)),
  label: null,
  digest: createHash('sha256').update(fake.name).digest('hex'),
  origin: `${fake.name}.jsonl`,
}));

export function fakePlan(changes: Partial<PlanSettings> = {}, tasks: readonly LoadedTask[] = fakeTasks): Promise<Plan> {
  const settings = { ...planSettings, ...changes };
  const { maxLength } = settings;
  const encoder = createRequestEncoder({ tokenizer: byteTokenizer, options: { bos: 'auto' }, maxLength });
  return buildPlan(tasks, async () => encoder, settings);
}

export const planSettings: PlanSettings = {
  limit: null,
  batchSize: 'auto',
  fork: true,
  bosPolicy: 'auto',
  maxLength: 48,
  tokenizerFingerprint: 'bytes',
  vocabularySize: 257,
};

export interface FakeScorerOptions {
  tokenBudget?: number;
  /** Padded tokens that fit into the memory of the device. */
  capacity?: number;
  /** Called with each batch before it is scored. */
  onBatch?: (batch: ScoreBatch) => void | Promise<void>;
}

/** As lm-evaluation-harness's `dummy` model: log-probabilities that depend on the question and on nothing else. */
export function fakeScorer({ tokenBudget = 400, capacity = Infinity, onBatch }: FakeScorerOptions = {}): Scorer {
  return {
    tokenBudget,
    maxLength: planSettings.maxLength,
    async score(batch) {
      await onBatch?.(batch);
      checkGroups(batch);
      if (tokensInMemory(batch) > capacity) throw new OutOfMemoryError();
      return batch.groups.flat().map(({ input, queries }) => queries.map(({ targets }) => fakeScore(input, targets)));
    },
  };
}

/** What a model may rely on: the rows of a group begin with the same tokens. */
function checkGroups({ shared, groups }: ScoreBatch): void {
  for (const rows of groups)
    if (shared === 0 ? rows.length !== 1 : new Set(rows.map(({ input }) => input.slice(0, shared).join())).size !== 1)
      throw new Error(`${rows.length} rows do not share ${shared} tokens`);
}

export function tokensInMemory({ shared, groups }: ScoreBatch): number {
  const rows = groups.flat();
  return groups.length * shared + rows.length * (Math.max(...rows.map(({ input }) => input.length)) - shared);
}

function fakeScore(input: readonly number[], targets: readonly number[]): QueryScore {
  const hash = createHash('sha256')
    .update(`${input.join(' ')} | ${targets.join(' ')}`)
    .digest();
  return {
    logprob: -targets.length * (hash.readUInt32LE(0) / 2 ** 30 + hash.readUInt32LE(4) / 2 ** 62),
    greedy: hash[8]! < 128,
  };
}

export interface FakeModelOptions extends FakeScorerOptions {
  loaded?: Partial<Pick<LoadedModel, 'description' | 'engine'>>;
  onLoad?: () => void;
}

const fakeObservation: RunObservation = {
  kernels: 'fused',
  memory: { weightsBytes: 1, loadPeakBytes: 2, scorePeakBytes: 4, heldBytes: 3, stateBytes: 1 },
};

export function fakeModel(spec: string, options: FakeModelOptions = {}): ModelSource {
  return {
    spec,
    tokenizer: byteTokenizer,
    vocabularySize: 257,
    maxLength: planSettings.maxLength,
    async load() {
      options.onLoad?.();
      return {
        description: {
          spec,
          label: spec,
          baseline: 'fake',
          parameters: 0,
          weightsDigest: 'weights of a hash',
          config: {},
          tokenizer: 'bytes',
          tokenizerFingerprint: 'bytes',
          vocabularySize: 257,
          maxLength: planSettings.maxLength,
          window: null,
        },
        engine: { backend: 'cpu', dtype: 'f32', device: 'hash', blas: null },
        ...options.loaded,
        scorer: fakeScorer(options),
        observed: () => fakeObservation,
        dispose() {},
      };
    },
  };
}

export const fakeSettings: RunSettings = {
  models: ['fake'],
  tasks: ['all'],
  fixtures: false,
  dataDir: null,
  cacheDir: null,
  offline: false,
  allowPartial: false,
  backend: 'cpu',
  dtype: 'f32',
  tokenizer: null,
  limit: null,
  batchSize: { kind: 'auto' },
  fork: true,
  maxLength: null,
  bos: 'auto',
  seed: 0,
  logSamples: 'scores',
  bootstrapIterations: 0,
  confidence: 0.95,
  extraMetrics: [],
};

/** An environment around fake models; results.json holds the summary. */
export function fakeEnvironment(model: FakeModelOptions = {}, changes: Partial<RunEnvironment> = {}): RunEnvironment {
  let milliseconds = 0;
  return {
    resolveTasks: async () => fakeTasks.map(({ task }) => task),
    loadTask: async (task) => fakeTasks.find((loaded) => loaded.task === task)!,
    openModel: async (spec) => fakeModel(spec, model),
    cacheDirectory: os.tmpdir(), // bytes are not cached
    writeResults: async (directory, result) =>
      writeFileSync(path.join(directory, 'results.json'), JSON.stringify(withoutTimings(result))),
    progress: { start() {}, advance() {}, finish() {} },
    log() {},
    now: () => new Date('2025-03-01T12:00:00Z'),
    clock: () => (milliseconds += 5),
    signal: () => new AbortController().signal,
    build: { version: '0.0.0', revision: 'none', dirty: false },
    ...changes,
  };
}

/** What an interrupted and an uninterrupted run have in common: everything but how long it took. */
export function withoutTimings({ summary, samples, failures }: RunResult): object {
  const tasks = summary.tasks.map((each) => ({ ...each, seconds: 0 }));
  return { summary: { ...summary, seconds: 0, tasks }, samples, failures };
}

export function completed(outcome: RunOutcome | undefined): Extract<RunOutcome, { status: 'complete' }> {
  if (outcome?.status === 'complete') return outcome;
  throw outcome?.status === 'failed' ? outcome.error : new Error(`the run is ${outcome?.status}`);
}

export function temporaryDirectory(t: ExecutionContext<unknown>): string {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'swat-eval-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function readJson(...parts: string[]): unknown {
  return JSON.parse(readFileSync(path.join(...parts), 'utf8'));
}

/** All pieces of a plan that can be scored. */
export function scorablePieces(plan: Plan) {
  return plan.tasks.flatMap(({ pieces }) => pieces.flat(2)).filter(({ unscorable }) => unscorable === null);
}
