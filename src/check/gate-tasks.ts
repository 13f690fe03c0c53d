// A model's tasks beside the reference's: worse by more than max(tolerance, 2 standard errors of the change) is a regression. The
// change is taken document by document where both sides have them, so that its error is not that of two separate samples.
import type { MetricResult, RunSummary, TaskSummary } from '../evaluate/run-summary.js';
import { pairedDifference, type Difference } from '../metrics/paired.js';
import { onScale } from '../metrics/ratio.js';
import { isAccuracy } from '../metrics/registry.js';
import { summarizeMetric } from '../metrics/summarize-metric.js';
import type { MetricName } from '../tasks/task.js';
import type { Comparison } from './gate-outcome.js';
import type { MatchedRun } from './match-runs.js';
import { ratioParts, sharedDocuments, valuesOf, type SharedDocuments } from '../report/shared-documents.js';

export interface Tolerances {
  /** Relative increase of a perplexity, e.g. 0.005. Bits per byte are held to it by the perplexity that they are of. */
  readonly perplexityIncrease: number;
  /** Share of documents, e.g. 0.01 for one point. */
  readonly accuracyDrop: number;
  /** Relative loss of tokens a second, e.g. 0.1; null: speed is not gated. */
  readonly slowdown: number | null;
}

/** Standard errors that a change has to exceed. */
export const STANDARD_ERRORS = 2;

/** Every metric of every task of the reference, and documents that it scored and the run could not. */
export function gateTasks({ reference, run }: MatchedRun, tolerances: Tolerances): Comparison[] {
  const model = run.summary.model.label;
  return reference.summary.tasks.flatMap((then) => {
    const now = run.summary.tasks.find(({ task }) => task === then.task)!;
    const documents = sharedDocuments(reference.documents.get(then.task), run.documents.get(then.task));
    const metrics = then.metrics.filter(({ name }) => isComparable(name, reference.summary, run.summary));
    return [
      ...(now.skipped === 0 ? [] : [lostDocuments(model, then, now)]),
      ...metrics.map(({ name, higherIsBetter }) => {
        const measured = documents === null ? measureApart(name, then, now) : measurePaired(name, documents);
        return { model, task: then.task, metric: name, higherIsBetter, ...judge(name, measured, tolerances) };
      }),
    ];
  });
}

/** Counted in tokens of another tokenizer, a perplexity is another quantity. */
export function isComparable(name: MetricName, { model: a }: RunSummary, { model: b }: RunSummary): boolean {
  return name !== 'token_perplexity' || a.tokenizerFingerprint === b.tokenizerFingerprint;
}

/** A metric on both sides, and the difference on its scale (metrics/ratio.ts). */
interface Measured extends Difference {
  readonly then: Pick<MetricResult, 'value' | 'stderr'>;
  readonly now: Pick<MetricResult, 'value' | 'stderr'>;
  readonly basis: 'paired' | 'unpaired';
}

function measurePaired(name: MetricName, { first, second }: SharedDocuments): Measured {
  const summarize = (documents: SharedDocuments['first']) =>
    summarizeMetric(name, valuesOf(name, documents), { bootstrapIterations: 0, confidence: 0.95 });
  return {
    then: summarize(first),
    now: summarize(second),
    ...pairedDifference(ratioParts(name, first), ratioParts(name, second)),
    basis: 'paired',
  };
}

const NOTHING = { value: NaN, stderr: null };

function measureApart(name: MetricName, before: TaskSummary, after: TaskSummary): Measured {
  const [then, now] = [before, after].map(({ metrics }) => metrics.find((metric) => metric.name === name) ?? NOTHING);
  const [a, b] = [onScale(name, then!), onScale(name, now!)];
  return {
    then: then!,
    now: now!,
    difference: b.value - a.value,
    stderr: Math.hypot(a.stderr, b.stderr),
    basis: 'unpaired',
  };
}

function judge(
  name: MetricName,
  { then, now, difference, stderr, basis }: Measured,
  { perplexityIncrease, accuracyDrop }: Tolerances,
): Omit<Comparison, 'model' | 'task' | 'metric' | 'higherIsBetter'> {
  const accuracy = isAccuracy(name);
  const worse = accuracy ? -difference : difference;
  const tolerance = accuracy ? accuracyDrop : Math.log1p(perplexityIncrease);
  // Of a single document no error is known: the tolerance alone decides.
  const allowed = Math.max(tolerance, Number.isNaN(stderr) ? 0 : STANDARD_ERRORS * stderr);
  const inUnit = (amount: number) => 100 * (accuracy ? amount : Math.expm1(amount));
  return {
    reference: then.value,
    value: now.value,
    stderr: now.stderr,
    change: inUnit(worse),
    allowed: inUnit(allowed),
    unit: accuracy ? 'points' : '%',
    basis,
    regressed: !(worse <= allowed),
    note: null,
  };
}

function lostDocuments(model: string, then: TaskSummary, now: TaskSummary): Comparison {
  return {
    model,
    task: then.task,
    metric: 'documents',
    higherIsBetter: true,
    reference: then.documents,
    value: now.documents,
    stderr: null,
    change: now.skipped,
    allowed: 0,
    unit: 'documents',
    basis: 'count',
    regressed: true,
    note: 'the model could not be asked, or ran out of memory',
  };
}
