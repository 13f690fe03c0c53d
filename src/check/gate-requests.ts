// The same weights must give the same log-probabilities: where they do not, the computation changed. This gate knows no better
// and no worse, and sees what averages over documents hide.
import { isDeepStrictEqual } from 'node:util';
import type { RunSummary } from '../evaluate/run-summary.js';
import type { Comparison } from './gate-outcome.js';
import type { MatchedRun } from './match-runs.js';
import { sharedDocuments, type SharedDocuments } from '../report/shared-documents.js';

/** Nats of one request, whatever its length. */
export const LARGEST_DIFFERENCE = 1e-3;

/** The request of each task that differs most; no task where the weights, or how they are computed with, are others. */
export function gateRequests({ reference, run }: MatchedRun): Comparison[] {
  if (whyOtherRequests(reference.summary, run.summary) !== null) return [];
  const changed = changedSettings(reference.summary.model.config, run.summary.model.config);
  return reference.summary.tasks.flatMap(({ task }) => {
    const documents = sharedDocuments(reference.documents.get(task), run.documents.get(task));
    if (documents === null) return [];
    const { document, request, then, now } = farthest(documents);
    const change = Math.abs(now - then);
    return [
      {
        model: run.summary.model.label,
        task,
        metric: 'log-probability',
        higherIsBetter: true,
        reference: then,
        value: now,
        stderr: null,
        change,
        allowed: LARGEST_DIFFERENCE,
        unit: 'nats',
        basis: 'equal weights',
        regressed: !(change <= LARGEST_DIFFERENCE),
        note: [`farthest apart in document ${document}, request ${request}`, ...changed].join('; '),
      },
    ];
  });
}

/** Why requests need not be equal; null where they must be. */
export function whyOtherRequests(then: RunSummary, now: RunSummary): string | null {
  if (then.model.weightsDigest !== now.model.weightsDigest) return 'the weights are others';
  if (then.model.tokenizerFingerprint !== now.model.tokenizerFingerprint) return 'the tokenizer is another';
  if (then.engine.dtype !== now.engine.dtype) return `${now.engine.dtype} stands against ${then.engine.dtype}`;
  if (now.engine.dtype === 'f16' && then.engine.device !== now.engine.device)
    return 'f16 is rounded differently on different devices';
  return null;
}

/** The pair of log-probabilities with the largest difference; one that is not a number is farther than any. */
function farthest({ first, second }: SharedDocuments): {
  document: number;
  request: number;
  then: number;
  now: number;
} {
  const distance = ({ then, now }: { then: number; now: number }) =>
    Number.isNaN(now - then) ? Infinity : Math.abs(now - then);
  return first
    .flatMap(({ id, logprobs }, k) =>
      logprobs.map((then, request) => ({ document: id, request, then, now: second[k]!.logprobs[request] ?? NaN })),
    )
    .reduce((most, each) => (distance(each) > distance(most) ? each : most));
}

/** `window_size: 64 became 65`: with equal weights the likeliest cause. */
function changedSettings(then: Record<string, unknown>, now: Record<string, unknown>): string[] {
  return [...new Set([...Object.keys(then), ...Object.keys(now)])]
    .filter((key) => !isDeepStrictEqual(then[key], now[key]))
    .map((key) => `${key}: ${JSON.stringify(then[key])} became ${JSON.stringify(now[key])}`);
}
