// Runs made of the documents' values, for tests of what is compared.
import type { Tolerances } from '../../src/check/gate-tasks.js';
import type { TaskSummary } from '../../src/evaluate/run-summary.js';
import { summarizeMetric } from '../../src/metrics/summarize-metric.js';
import type { SampledDocument, SampledRun } from '../../src/report/read-samples.js';
import type { DocumentValue, MetricName } from '../../src/tasks/task.js';
import { exampleRun, exampleTask } from '../report/example-run.js';

/** The command line's. */
export const DEFAULT_TOLERANCES: Tolerances = { perplexityIncrease: 0.005, accuracyDrop: 0.01, slowdown: 0.1 };

/** Values of one metric, a document each. A perplexity's value is [log-likelihood, weight], or the log-likelihood. */
export type TaskValues = Partial<Record<MetricName, readonly DocumentValue[]>>;

/** @param tasks by name. The log-probability of a document's one request is that of its perplexity, or its accuracy. */
export function sampledRun(label: string, tasks: Readonly<Record<string, TaskValues>>, weights = label): SampledRun {
  const entries = Object.entries(tasks).map(([task, values]) => ({ task, documents: documentsOf(values), values }));
  const run = exampleRun(
    label,
    entries.map(({ task, documents, values }) => taskOf(task, documents.length, values)),
  );
  return {
    where: `results/${label}`,
    summary: { ...run, model: { ...run.model, weightsDigest: weights } },
    documents: new Map(entries.map(({ task, documents }) => [task, documents])),
  };
}

function taskOf(task: string, documents: number, values: TaskValues): TaskSummary {
  const metrics = Object.entries(values).map(([name, own]) =>
    summarizeMetric(name as MetricName, own, { bootstrapIterations: 0, confidence: 0.95 }),
  );
  return exampleTask(task, metrics, { documents, documentsOriginal: documents });
}

function documentsOf(values: TaskValues): SampledDocument[] {
  const columns = Object.entries(values);
  return columns[0]![1].map((first, id) => ({
    id,
    logprobs: [typeof first === 'number' ? first : first[0]],
    values: Object.fromEntries(columns.map(([name, column]) => [name, column[id]!])),
  }));
}

/** The run with one of its tasks changed. */
export function withTask(run: SampledRun, task: string, changes: Partial<TaskSummary>): SampledRun {
  const tasks = run.summary.tasks.map((each) => (each.task === task ? { ...each, ...changes } : each));
  return { ...run, summary: { ...run.summary, tasks } };
}

/** `count` documents of which the first `right` are right. */
export function rights(right: number, count: number): number[] {
  return Array.from({ length: count }, (_, k) => (k < right ? 1 : 0));
}
