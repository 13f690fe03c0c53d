// Models against a first one, on the documents that both scored: which differences are more than chance.
import type { RunSummary, TaskSummary } from '../evaluate/run-summary.js';
import { smallestDetectableEffect } from '../metrics/detectable-effect.js';
import { holm } from '../metrics/holm.js';
import { mcNemarOfDocuments } from '../metrics/mcnemar.js';
import { pairedBootstrap, pairedDifference } from '../metrics/paired.js';
import type { RatioPart } from '../metrics/ratio.js';
import { isAccuracy } from '../metrics/registry.js';
import { summarizeMetric } from '../metrics/summarize-metric.js';
import { modelLabels } from '../report/model-labels.js';
import type { SampledRun } from '../report/read-samples.js';
import { ratioParts, sharedDocuments, valuesOf } from '../report/shared-documents.js';
import type { MetricName } from '../tasks/task.js';
import { UserError } from '../user-error.js';
import { isComparable } from './gate-tasks.js';

/** Level of the intervals and of what is called a difference, and the power that a detectable effect has. */
export const CONFIDENCE = 0.95;
export const POWER = 0.8;
export const REPLICATES = 10_000;

/**
 * One metric of one task, of two models. Differences (second less first), their interval and the smallest detectable one are
 * points of an accuracy, and percent of a perplexity (of the first one's; of the one behind bits per byte).
 */
export interface ModelComparison {
  readonly first: string;
  readonly second: string;
  readonly task: string;
  readonly metric: MetricName;
  readonly higherIsBetter: boolean;
  /** Documents that both scored. */
  readonly documents: number;
  readonly firstValue: number;
  readonly secondValue: number;
  readonly unit: 'points' | '%';
  readonly difference: number;
  readonly interval: readonly [low: number, high: number];
  /** Accuracies by McNemar's exact test, perplexities by the paired bootstrap. */
  readonly method: 'McNemar' | 'bootstrap';
  readonly p: number;
  /** Over all comparisons, by Holm's method. */
  readonly adjustedP: number;
  /** Null where the models never differ, so that their differences say nothing about what could be seen. */
  readonly detectable: number | null;
  /** The model that is better beyond chance; null where neither is shown to be. */
  readonly better: string | null;
  /** Why only some, or other, documents than the benchmark's were scored. */
  readonly label: TaskSummary['label'];
}

export interface ModelComparisons {
  readonly rows: readonly ModelComparison[];
  /** What was not compared, and what else differs between the runs: a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Every run after the first against the first, on the tasks that both have: of each task one accuracy and one perplexity, as far
 * as it has them, those of the paper's columns before others.
 * @throws UserError 'data' for runs of other data or prompts, without samples, or without a task in common.
 */
export function compareRuns(runs: readonly SampledRun[]): ModelComparisons {
  const [first, ...others] = runs;
  const labels = modelLabels(runs.map(({ summary }) => summary));
  const pairs = others.map((second, k) => comparePair(first!, second, [labels[0]!, labels[k + 1]!]));
  return {
    rows: adjusted(pairs.flatMap((pair) => pair.rows)),
    notes: [...new Set(pairs.flatMap((pair) => pair.notes))],
  };
}

export type UnadjustedComparison = Omit<ModelComparison, 'adjustedP' | 'better'>;

/** Corrected over all of them. */
export function adjusted(rows: readonly UnadjustedComparison[]): ModelComparison[] {
  const ps = holm(rows.map(({ p }) => p));
  return rows.map((row, k) => ({ ...row, adjustedP: ps[k]!, better: betterOf(row, ps[k]!) }));
}

function betterOf(row: UnadjustedComparison, adjustedP: number): string | null {
  if (adjustedP > 1 - CONFIDENCE || row.difference === 0) return null;
  return row.difference > 0 === row.higherIsBetter ? row.second : row.first;
}

function comparePair(
  first: SampledRun,
  second: SampledRun,
  [firstLabel, secondLabel]: readonly [string, string],
): { rows: UnadjustedComparison[]; notes: string[] } {
  const shared = first.summary.tasks.flatMap((task) => {
    const other = second.summary.tasks.find((own) => own.task === task.task);
    return other === undefined ? [] : [[task, other] as const];
  });
  if (shared.length === 0)
    throw new UserError('data', 'the runs have no task in common', { where: `${first.where}, ${second.where}` });
  const rows = shared.flatMap(([task, other]) => {
    checkSameTask(task, other, first, second);
    return headlineMetrics(task, other, (name) => isComparable(name, first.summary, second.summary)).map((name) => ({
      first: firstLabel,
      second: secondLabel,
      ...compareMetric(name, task, other, first, second),
    }));
  });
  return { rows, notes: notesOn(first.summary, second.summary, [firstLabel, secondLabel]) };
}

/** @throws UserError 'data' where the two were not asked the same. */
function checkSameTask(a: TaskSummary, b: TaskSummary, first: SampledRun, second: SampledRun): void {
  const where = `${first.where}, ${second.where}`;
  const differ = (what: string, before: string, after: string) =>
    new UserError('data', `the runs differ in ${what}, ${before} and ${after}: they cannot be compared`, { where });
  if (a.version !== b.version) throw differ(`${a.task} version`, a.version, b.version);
  if (a.dataDigest !== b.dataDigest)
    throw differ(`${a.task} data or prompts`, a.dataDigest.slice(0, 12), b.dataDigest.slice(0, 12));
  const [bosA, bosB] = [first.summary.bosPolicy, second.summary.bosPolicy];
  if (bosA !== bosB) throw differ('--bos', bosA, bosB);
}

/** One accuracy and one perplexity that both have and that mean the same in both; the paper's first. */
function headlineMetrics(a: TaskSummary, b: TaskSummary, isComparable: (name: MetricName) => boolean): MetricName[] {
  const common = a.metrics
    .map(({ name }) => name)
    .filter((name) => isComparable(name) && b.metrics.some((metric) => metric.name === name));
  const paper = a.paperColumns.map(({ metric }) => metric);
  const ranked = [...common.filter((name) => paper.includes(name)), ...common];
  return [ranked.find((name) => isAccuracy(name)), ranked.find((name) => !isAccuracy(name))].filter(
    (name) => name !== undefined,
  );
}

function compareMetric(
  name: MetricName,
  { task, label, metrics }: TaskSummary,
  other: TaskSummary,
  first: SampledRun,
  second: SampledRun,
): Omit<UnadjustedComparison, 'first' | 'second'> {
  const documents = sharedDocuments(first.documents.get(task), second.documents.get(task));
  if (documents === null)
    throw new UserError('data', `the runs share no document of ${task}: each needs its samples_${task}.jsonl`, {
      where: `${first.where}, ${second.where}`,
      hint: 'runs without --log-samples none',
    });
  const [a, b] = [valuesOf(name, documents.first), valuesOf(name, documents.second)];
  const [partsA, partsB] = [ratioParts(name, documents.first), ratioParts(name, documents.second)];
  if (!Number.isFinite(pairedDifference(partsA, partsB).difference))
    throw new UserError('data', `${task} has a ${name} that is not finite`, {
      where: `${first.where}, ${second.where}`,
    });
  const valueOf = (values: typeof a) =>
    summarizeMetric(name, values, { bootstrapIterations: 0, confidence: CONFIDENCE }).value;
  return {
    task,
    metric: name,
    higherIsBetter: metrics.find((metric) => metric.name === name)!.higherIsBetter,
    documents: a.length,
    firstValue: valueOf(a),
    secondValue: valueOf(b),
    ...(isAccuracy(name)
      ? { ...between(partsA, partsB, 'points', (share) => 100 * share), method: 'McNemar', p: mcNemarOfDocuments(a, b) }
      : percentBetween(partsA, partsB)),
    label: label ?? other.label,
  };
}

type PairedNumbers = Pick<UnadjustedComparison, 'unit' | 'difference' | 'interval' | 'method' | 'p' | 'detectable'>;

/** Of losses in nats: percent of the first one's perplexity. */
export function percentBetween(first: readonly RatioPart[], second: readonly RatioPart[]): PairedNumbers {
  return between(first, second, '%', (nats) => 100 * Math.expm1(nats));
}

/** By the paired bootstrap. */
function between(
  first: readonly RatioPart[],
  second: readonly RatioPart[],
  unit: PairedNumbers['unit'],
  inUnit: (amount: number) => number,
): PairedNumbers {
  const { difference, stderr } = pairedDifference(first, second);
  const { interval, p } = pairedBootstrap(first, second, { iterations: REPLICATES, confidence: CONFIDENCE, seed: 0 });
  return {
    unit,
    difference: inUnit(difference),
    interval: [inUnit(interval[0]), inUnit(interval[1])],
    method: 'bootstrap',
    p,
    detectable: stderr > 0 ? inUnit(smallestDetectableEffect(stderr, CONFIDENCE, POWER)) : null,
  };
}

function notesOn(a: RunSummary, b: RunSummary, [first, second]: readonly [string, string]): string[] {
  const only = (tasks: RunSummary, others: RunSummary) =>
    tasks.tasks.map(({ task }) => task).filter((task) => !others.tasks.some((own) => own.task === task));
  const alone = (label: string, tasks: string[]) =>
    tasks.length === 0 ? [] : [`Only ${label} has ${tasks.join(', ')}.`];
  return [
    ...alone(first, only(a, b)),
    ...alone(second, only(b, a)),
    ...(a.model.maxLength === b.model.maxLength
      ? []
      : [`The longest input of ${first} is ${a.model.maxLength} tokens, that of ${second} ${b.model.maxLength}.`]),
  ];
}
