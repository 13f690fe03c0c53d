// results.json: the keys of lm-evaluation-harness 4e7e0d47 (`result_schema.py`, `evaluation_tracker.py`), so that its readers
// read it, and under `swat_eval` the whole summary, from which `table` and `plot` work.
import { sanitizeModelName } from '../evaluate/run-directory.js';
import type { RunSummary, TaskSummary } from '../evaluate/run-summary.js';
import { sizeWeightedMean } from '../metrics/group.js';
import { averagedCells, averagedGroup, paperAverage, paperCells, type PaperCell } from './paper-cells.js';

type Metrics = Record<string, number | string | null>;

/**
 * Keys of lm-eval that are not here belong to what this program does not have: chat templates, generation, few-shot,
 * Python's environment. A number that is not finite is `null`; a standard error that is not defined is lm-eval's "N/A".
 */
export interface LmEvalResults {
  /** Per task and group: `alias`, `name`, `sample_len`, and `<metric>,none` with `<metric>_stderr,none`. */
  results: Record<string, Metrics>;
  /**
   * Here when all tasks of a group were scored. `acc,none` and `acc_norm,none` weigh tasks by their documents, as lm-eval
   * does; `paper_average,none` is the paper's unweighted mean.
   */
  groups?: Record<string, Metrics>;
  /** Tasks of each group; a task by itself has none. */
  group_subtasks: Record<string, string[]>;
  configs: Record<string, TaskConfig>;
  versions: Record<string, number | string>;
  'n-shot': Record<string, number>;
  higher_is_better: Record<string, Record<string, boolean>>;
  'n-samples': Record<string, { original: number; effective: number }>;
  config: RunConfig;
  git_hash: string;
  /** Seconds since 1970. */
  date: number;
  /** SHA-256 over the hashes of each task's samples; joins with an lm-eval log of the same documents. */
  task_hashes: Record<string, string>;
  model_source: 'swat-eval';
  model_name: string;
  model_name_sanitized: string;
  max_length: number;
  /** A string, as lm-eval writes it. */
  total_evaluation_time_seconds: string;
  swat_eval: RunSummary;
}

interface TaskConfig {
  task: string;
  output_type: string;
  /** The scored split, under lm-eval's key for it. */
  test_split?: string;
  validation_split?: string;
  num_fewshot: number;
  metric_list: { metric: string; higher_is_better: boolean }[];
  metadata: { version: number | string };
}

interface RunConfig {
  model: 'swat-eval';
  model_args: string;
  model_num_parameters: number;
  model_dtype: string;
  /** SHA-256 over the weights. */
  model_sha: string;
  batch_size: string;
  device: string;
  limit: number | null;
  bootstrap_iters: number;
  random_seed: number;
}

/** @param taskHashes by task, `taskHash` of its samples. */
export function lmEvalResults(run: RunSummary, taskHashes: Readonly<Record<string, string>>): LmEvalResults {
  const byTask = <Value>(value: (task: TaskSummary) => Value) =>
    Object.fromEntries(run.tasks.map((task) => [task.task, value(task)]));
  const eight = averagedCells(paperCells(run));
  const group = averagedGroup(run);
  const groups = eight === null ? {} : { [group]: groupMetrics(group, eight) };
  return {
    results: { ...groups, ...byTask(taskMetrics) },
    ...(eight === null ? {} : { groups }),
    group_subtasks: {
      ...(eight === null ? {} : { [group]: eight.map(({ task }) => task.task) }),
      ...byTask(() => []),
    },
    configs: byTask(taskConfig),
    versions: byTask(versionOf),
    'n-shot': byTask(() => 0),
    higher_is_better: byTask((task) =>
      Object.fromEntries(task.metrics.map(({ name, higherIsBetter }) => [name, higherIsBetter])),
    ),
    'n-samples': byTask((task) => ({ original: task.documentsOriginal, effective: task.documents })),
    config: runConfig(run),
    git_hash: run.build.revision,
    date: Date.parse(run.date) / 1000,
    task_hashes: { ...taskHashes },
    model_source: 'swat-eval',
    model_name: run.model.spec,
    model_name_sanitized: sanitizeModelName(run.model.spec),
    max_length: run.model.maxLength,
    total_evaluation_time_seconds: String(run.seconds),
    swat_eval: run,
  };
}

function taskMetrics(task: TaskSummary): Metrics {
  return {
    alias: task.task,
    name: task.task,
    sample_len: task.documents,
    ...metricKeys(task.metrics),
  };
}

function groupMetrics(alias: string, cells: readonly PaperCell[]): Metrics {
  const weighted = (['acc', 'acc_norm'] as const).map((name) => {
    const parts = cells.flatMap(({ task }) =>
      task.metrics.filter((metric) => metric.name === name).map((metric) => ({ ...metric, documents: task.documents })),
    );
    return { name, ...sizeWeightedMean(parts) };
  });
  return {
    alias,
    name: alias,
    ...metricKeys([...weighted, { name: 'paper_average', ...paperAverage(cells) }]),
  };
}

function metricKeys(metrics: readonly { name: string; value: number; stderr: number | null }[]): Metrics {
  return Object.fromEntries(
    metrics.flatMap(({ name, value, stderr }) => [
      [`${name},none`, Number.isFinite(value) ? value : null],
      [`${name}_stderr,none`, stderr ?? 'N/A'],
    ]),
  );
}

const OUTPUT_TYPES = {
  'multiple-choice': 'multiple_choice',
  loglikelihood: 'loglikelihood',
  rolling: 'loglikelihood_rolling',
} as const;

function taskConfig(task: TaskSummary): TaskConfig {
  return {
    task: task.task,
    output_type: OUTPUT_TYPES[task.kind],
    ...(task.split === 'test' ? { test_split: task.split } : { validation_split: task.split }),
    num_fewshot: 0,
    metric_list: task.metrics.map(({ name, higherIsBetter }) => ({ metric: name, higher_is_better: higherIsBetter })),
    metadata: { version: versionOf(task) },
  };
}

/** lm-eval's versions are numbers. */
function versionOf({ version }: TaskSummary): number | string {
  const number = Number(version);
  return Number.isNaN(number) ? version : number;
}

function runConfig({ model, engine, batchSize, limit, bootstrapIterations, seed }: RunSummary): RunConfig {
  return {
    model: 'swat-eval',
    model_args: model.spec,
    model_num_parameters: model.parameters,
    model_dtype: engine.dtype === 'f16' ? 'float16' : 'float32',
    model_sha: model.weightsDigest,
    batch_size: batchSize,
    device: engine.device,
    limit,
    bootstrap_iters: bootstrapIterations,
    random_seed: seed,
  };
}
