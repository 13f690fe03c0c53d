// A run as data: one row for every metric of every task, and one for the average of the eight commonsense tasks.
// Column names are those of results.csv; null stands where something is not known or does not apply.
import type { MetricResult, RunSummary, TaskSummary } from '../evaluate/run-summary.js';
import { normalInterval, normalQuantile } from '../metrics/intervals.js';
import { isAccuracy } from '../metrics/registry.js';
import { averagedCells, averagedGroup, paperAverage, paperCells } from './paper-cells.js';

export interface TidyRow {
  run_id: string;
  model: string;
  baseline: string;
  params: number;
  task: string;
  task_version: string | null;
  split: string | null;
  /** Documents scored, and the official number of the split. */
  n: number | null;
  n_original: number | null;
  num_fewshot: number;
  metric: string;
  /** lm-eval's name of the answer filter; none of the tasks has one. */
  filter: string;
  value: number | null;
  stderr: number | null;
  ci_low: number | null;
  ci_high: number | null;
  /** Level of the interval. */
  confidence: number;
  higher_is_better: boolean;
  chance: number | null;
  majority: number | null;
  label: string | null;
  truncated: number | null;
  boundary_merges: number | null;
  ties: number | null;
  skipped: number | null;
  max_length: number;
  window: number | null;
  /** How a long text was cut; null for what is no perplexity of whole texts. */
  ppl_window: 'disjoint' | null;
  bos: string;
  backend: string;
  dtype: string;
  kernels: string | null;
  device: string;
  batch: string;
  seconds: number | null;
  /** Tokens fed to the model, and tokens that it predicted. */
  tokens: number | null;
  scored_tokens: number | null;
  tokens_per_s: number | null;
  git_sha: string;
  date: string;
}

export function tidyRows(run: RunSummary): TidyRow[] {
  const rows = run.tasks.flatMap((task) => task.metrics.map((metric) => metricRow(run, task, metric)));
  const average = averageRow(run);
  return average === null ? rows : [...rows, average];
}

function metricRow(run: RunSummary, task: TaskSummary, metric: MetricResult): TidyRow {
  const accuracy = isAccuracy(metric.name);
  return {
    ...runRow(run),
    task: task.task,
    task_version: task.version,
    split: task.split,
    n: task.documents,
    n_original: task.documentsOriginal,
    metric: metric.name,
    value: Number.isFinite(metric.value) ? metric.value : null,
    stderr: metric.stderr,
    ci_low: metric.interval?.[0] ?? null,
    ci_high: metric.interval?.[1] ?? null,
    higher_is_better: metric.higherIsBetter,
    chance: accuracy ? task.chance : null,
    majority: accuracy ? task.majority : null,
    label: task.label,
    truncated: task.truncated,
    boundary_merges: task.boundaryMerges,
    ties: task.ties,
    skipped: task.skipped,
    ppl_window: task.kind === 'rolling' ? 'disjoint' : null,
    seconds: task.seconds,
    tokens: task.inputTokens,
    scored_tokens: task.scoredTokens,
    tokens_per_s: task.seconds > 0 ? task.inputTokens / task.seconds : null,
  };
}

/** The group of the eight: the paper's unweighted mean, recomputed; null unless all eight tasks are there. */
function averageRow(run: RunSummary): TidyRow | null {
  const cells = averagedCells(paperCells(run));
  if (cells === null) return null;
  const { value, stderr } = paperAverage(cells);
  const interval = stderr === null ? null : normalInterval(value, stderr, normalQuantile(run.confidence));
  const labels = new Set(cells.flatMap(({ task }) => task.label ?? []));
  return {
    ...runRow(run),
    task: averagedGroup(run),
    metric: 'average',
    value,
    stderr,
    ci_low: interval?.[0] ?? null,
    ci_high: interval?.[1] ?? null,
    label: labels.size === 0 ? null : [...labels].join('+'),
    skipped: cells.reduce((total, { task }) => total + task.skipped, 0),
  };
}

/** What all rows of a run share; null in what belongs to a task. */
function runRow({
  runId,
  model,
  engine,
  observed,
  confidence,
  batchSize,
  bosPolicy,
  build,
  date,
}: RunSummary): TidyRow {
  return {
    run_id: runId,
    model: model.label,
    baseline: model.baseline,
    params: model.parameters,
    task: '',
    task_version: null,
    split: null,
    n: null,
    n_original: null,
    num_fewshot: 0,
    metric: '',
    filter: 'none',
    value: null,
    stderr: null,
    ci_low: null,
    ci_high: null,
    confidence,
    higher_is_better: true,
    chance: null,
    majority: null,
    label: null,
    truncated: null,
    boundary_merges: null,
    ties: null,
    skipped: null,
    max_length: model.maxLength,
    window: model.window,
    ppl_window: null,
    bos: bosPolicy,
    backend: engine.backend,
    dtype: engine.dtype,
    kernels: observed?.kernels ?? null,
    device: engine.device,
    batch: batchSize,
    seconds: null,
    tokens: null,
    scored_tokens: null,
    tokens_per_s: null,
    git_sha: build.dirty ? `${build.revision}-dirty` : build.revision,
    date,
  };
}
