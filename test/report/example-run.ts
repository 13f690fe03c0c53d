// Runs with made-up numbers, for tests of what is made of them.
import type { MetricResult, RunSummary, TaskSummary } from '../../src/evaluate/run-summary.js';
import { summarizeMetric } from '../../src/metrics/summarize-metric.js';
import type { MetricName, PaperColumn, TaskKind } from '../../src/tasks/task.js';

const NO_BOOTSTRAP = { bootstrapIterations: 0, confidence: 0.95 };

export function accuracy(name: MetricName, right: number, documents: number): MetricResult {
  return summarizeMetric(
    name,
    Array.from({ length: documents }, (_, k) => (k < right ? 1 : 0)),
    NO_BOOTSTRAP,
  );
}

export function exampleTask(task: string, metrics: MetricResult[], changes: Partial<TaskSummary> = {}): TaskSummary {
  return {
    task,
    version: '1.0',
    kind: 'multiple-choice',
    split: 'validation',
    documents: 200,
    documentsOriginal: 200,
    label: null,
    metrics,
    chance: 0.25,
    majority: 0.3,
    paperColumns: [],
    truncated: 0,
    boundaryMerges: 0,
    ties: 0,
    skipped: 0,
    inputTokens: 8000,
    savedTokens: 0,
    scoredTokens: 1000,
    seconds: 2,
    dataDigest: 'd1'.repeat(32),
    dataOrigin: `${task}/validation.jsonl`,
    ...changes,
  };
}

export function exampleRun(label: string, tasks: TaskSummary[], changes: Partial<RunSummary> = {}): RunSummary {
  return {
    runId: `20260102T030405Z-${label}`,
    model: {
      spec: `${label},seed=1`,
      label,
      baseline: label.split(':')[0]!,
      parameters: 341_100_000,
      weightsDigest: 'ab'.repeat(32),
      config: { hidden_size: 64 },
      tokenizer: 'bytes',
      tokenizerFingerprint: 'cd'.repeat(32),
      vocabularySize: 258,
      maxLength: 512,
      window: 64,
    },
    engine: { backend: 'wasm', dtype: 'f32', device: 'a processor', blas: 'XNNPACK (1 thread)' },
    observed: {
      kernels: 'composite',
      memory: {
        weightsBytes: 2 ** 20,
        loadPeakBytes: 2 ** 21,
        scorePeakBytes: 2 ** 22,
        heldBytes: 2 ** 22,
        stateBytes: 2 ** 14,
      },
    },
    tasks,
    confidence: 0.95,
    bootstrapIterations: 0,
    limit: null,
    batchSize: 'auto',
    seed: 1,
    bosPolicy: 'auto',
    date: '2026-01-02T03:04:05.000Z',
    savedTokens: 0,
    seconds: 20.5,
    build: { version: '0.1.0', revision: '0123abcd', dirty: false },
    ...changes,
  };
}

const EIGHT: readonly [task: string, title: string, metric: MetricName, order: number, kind: TaskKind][] = [
  ['lambada_openai', 'LMB acc', 'acc', 2, 'loglikelihood'],
  ['piqa', 'PIQA', 'acc', 3, 'multiple-choice'],
  ['hellaswag', 'Hella', 'acc_norm', 4, 'multiple-choice'],
  ['winogrande', 'Wino', 'acc', 5, 'multiple-choice'],
  ['arc_easy', 'ARC-e', 'acc', 6, 'multiple-choice'],
  ['arc_challenge', 'ARC-c', 'acc_norm', 7, 'multiple-choice'],
  ['social_iqa', 'SIQA', 'acc', 8, 'multiple-choice'],
  ['boolq', 'BoolQ', 'acc', 9, 'multiple-choice'],
];

/** The paper's eight with `right[k]` of 200 documents right, and wikitext and LAMBADA perplexities. */
export function paperTasks(right: readonly number[], changes: Partial<TaskSummary> = {}): TaskSummary[] {
  const pages: [number, number][] = [
    [-700, 200],
    [-420, 100],
    [-800, 260],
  ];
  const wikitext = exampleTask('wikitext', [summarizeMetric('word_perplexity', pages, NO_BOOTSTRAP)], {
    version: '2.0',
    kind: 'rolling',
    split: 'test',
    documents: 3,
    documentsOriginal: 3,
    chance: null,
    majority: null,
    paperColumns: [{ title: 'Wiki ppl', metric: 'word_perplexity', order: 0, averaged: false }],
  });
  const eight = EIGHT.map(([task, title, metric, order, kind], k) => {
    const column: PaperColumn = { title, metric, order, averaged: true };
    const lambada = kind === 'loglikelihood';
    const wordLogprobs = [-3.5, -4, -2.5, -5];
    return exampleTask(
      task,
      [
        ...(lambada ? [summarizeMetric('perplexity', wordLogprobs, NO_BOOTSTRAP)] : []),
        ...(metric === 'acc_norm' ? [accuracy('acc', right[k]! - 4, 200)] : []),
        accuracy(metric, right[k]!, 200),
      ],
      {
        kind,
        ...(lambada ? { chance: null, majority: null, split: 'test' } : {}),
        paperColumns: lambada
          ? [{ title: 'LMB ppl', metric: 'perplexity', order: 1, averaged: false }, column]
          : [column],
        ...changes,
      },
    );
  });
  return [wikitext, ...eight];
}
