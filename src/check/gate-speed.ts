// Whether a model became slower, by the time its run took. Only the device that the reference was measured on can say so.
import type { RunSummary, TaskSummary } from '../evaluate/run-summary.js';
import { median } from '../bench/statistics.js';
import { sampleDeviation, sum } from '../metrics/stderr.js';
import { STANDARD_ERRORS } from './gate-tasks.js';
import type { Comparison } from './gate-outcome.js';
import type { MatchedRun } from './match-runs.js';

/** Standard error of a median over that of a mean, for normal values: sqrt(pi / 2). */
export const MEDIAN_ERROR = Math.sqrt(Math.PI / 2);

/** Below this, the start of the engine and the machine's other work are most of what is measured. */
const SHORTEST_SECONDS = 5;

/**
 * The change is the median over tasks of how much longer a token took, so that what disturbed one task does not count; its
 * standard error comes from the tasks' spread. Null where both sides cannot be compared (`whyOtherSpeed`).
 * @param slowdown relative loss of tokens a second that is tolerated, e.g. 0.1.
 */
export function gateSpeed({ reference, run }: MatchedRun, slowdown: number): Comparison | null {
  if (whyOtherSpeed(reference.summary, run.summary) !== null) return null;
  const then = reference.summary.tasks;
  const now = then.map(({ task }) => run.summary.tasks.find((own) => own.task === task)!);
  const slower = then.map((task, k) => Math.log(tokensPerSecond([task]) / tokensPerSecond([now[k]!])));
  const stderr = (MEDIAN_ERROR * sampleDeviation(slower)) / Math.sqrt(slower.length);
  return {
    model: run.summary.model.label,
    task: null,
    metric: 'tokens/s',
    higherIsBetter: true,
    reference: tokensPerSecond(then),
    value: tokensPerSecond(now),
    stderr: null,
    ...judgeSpeed(median(slower), stderr, slowdown),
    basis: 'equal device',
    note: null,
  };
}

/**
 * @param slower log of the reference's speed over the one now.
 * @param stderr of `slower`; NaN where it is not known.
 */
export function judgeSpeed(
  slower: number,
  stderr: number,
  slowdown: number,
): Pick<Comparison, 'change' | 'allowed' | 'unit' | 'regressed'> {
  const allowed = Math.max(-Math.log1p(-slowdown), Number.isNaN(stderr) ? 0 : STANDARD_ERRORS * stderr);
  const lostSpeed = (logarithm: number) => -100 * Math.expm1(-logarithm);
  return { change: lostSpeed(slower), allowed: lostSpeed(allowed), unit: '%', regressed: !(slower <= allowed) };
}

function tokensPerSecond(tasks: readonly TaskSummary[]): number {
  return sum(tasks.map(({ inputTokens }) => inputTokens)) / secondsOf(tasks);
}

function secondsOf(tasks: readonly TaskSummary[]): number {
  return sum(tasks.map(({ seconds }) => seconds));
}

/** Why two runs say nothing about speed; null where they do. */
export function whyOtherSpeed(then: RunSummary, now: RunSummary): string | null {
  const [before, after] = [describeDevice(then), describeDevice(now)];
  if (before !== after) return `the reference was measured on ${before}, the run on ${after}`;
  if (then.batchSize !== now.batchSize)
    return `the batches are of ${now.batchSize}, the reference's of ${then.batchSize}`;
  const shorter = Math.min(secondsOf(then.tasks), secondsOf(now.tasks));
  if (shorter < SHORTEST_SECONDS) return `${shorter.toFixed(1)} s of scoring are too few`;
  const empty = [...then.tasks, ...now.tasks].find(({ seconds, inputTokens }) => seconds === 0 || inputTokens === 0);
  return empty === undefined ? null : `${empty.task} has no document that was scored`;
}

function describeDevice({ engine: { backend, dtype, device, blas } }: RunSummary): string {
  return [backend, dtype, device, ...(blas === null ? [] : [blas])].join(', ');
}
