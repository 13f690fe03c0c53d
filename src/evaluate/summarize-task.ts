// From the outcomes of pieces to what a task amounts to: requests, documents, metrics.
import { bestIsTied } from '../metrics/accuracy.js';
import { documentValues } from '../metrics/document-values.js';
import type { DocumentValues } from '../metrics/document-values.js';
import { summarizeMetric } from '../metrics/summarize-metric.js';
import type { SummaryOptions } from '../metrics/summarize-metric.js';
import { chance, majority } from '../tasks/chance.js';
import type { Document, MetricName, RequestScore } from '../tasks/task.js';
import type { PieceOutcome } from './journal.js';
import { describePiece } from './plan.js';
import type { Piece, PlannedTask } from './plan.js';
import type { TaskSummary } from './run-summary.js';

/** One scored document: what a sample log holds. */
export interface Sample {
  readonly document: Document;
  /** Scores of its requests, in their order. */
  readonly scores: readonly RequestScore[];
  readonly values: DocumentValues;
}

export interface TaskResult {
  readonly summary: TaskSummary;
  readonly samples: readonly Sample[];
  /** One sentence for every request without a score. */
  readonly failures: readonly string[];
}

export interface TaskResultOptions extends SummaryOptions {
  /** Metrics to report beside the task's own, where its documents have them. */
  readonly extraMetrics: readonly MetricName[];
}

/** Tokens of a task, as its schedule has them. */
export interface TokenCounts {
  /** Fed to the model; pieces with the same input were fed once. */
  readonly input: number;
  /** Not fed again, because the rows of a document went on from one state. */
  readonly saved: number;
}

/** @param outcomes one for every piece of the task that can be scored. */
export function summarizeTask(
  planned: PlannedTask,
  outcomes: ReadonlyMap<Piece, PieceOutcome>,
  tokens: TokenCounts,
  options: TaskResultOptions,
): TaskResult {
  const failures = planned.pieces.flat(2).flatMap((piece) => {
    const reason = whyWithoutScore(piece, outcomes);
    return reason === null ? [] : [`${describePiece(piece)} has no score: ${reason}`];
  });
  const samples = planned.documents.flatMap((document, index) => {
    const scores = planned.pieces[index]!.map((windows) => requestScore(windows, outcomes));
    if (!scores.every((score) => score !== null)) return [];
    return [{ document, scores, values: documentValues(document, scores) }];
  });
  return { summary: summaryOf(planned, samples, outcomes, tokens, options), samples, failures };
}

function summaryOf(
  planned: PlannedTask,
  samples: readonly Sample[],
  outcomes: ReadonlyMap<Piece, PieceOutcome>,
  tokens: TokenCounts,
  options: TaskResultOptions,
): TaskSummary {
  const { task, label, digest, origin, truncated, boundaryMerges } = planned;
  const documents = samples.map(({ document }) => document);
  const scored = planned.pieces.flat(2).filter((piece) => outcomes.has(piece));
  return {
    task: task.name,
    version: task.version,
    kind: task.kind,
    split: task.dataset.split,
    documents: samples.length,
    documentsOriginal: task.dataset.rows,
    label,
    metrics: metricsOf(planned, samples, options),
    chance: chance(documents),
    majority: majority(documents),
    paperColumns: task.paperColumns,
    ...(task.recall === undefined ? {} : { recall: task.recall }),
    truncated,
    boundaryMerges,
    ties: samples.filter(isTied).length,
    skipped: planned.documents.length - samples.length,
    inputTokens: tokens.input,
    savedTokens: tokens.saved,
    scoredTokens: sum(scored.map(({ targets }) => targets.length)),
    seconds: sum(scored.map((piece) => outcomes.get(piece)!.ms)) / 1000,
    dataDigest: digest,
    dataOrigin: origin,
  };
}

function metricsOf(
  planned: PlannedTask,
  samples: readonly Sample[],
  options: TaskResultOptions,
): TaskSummary['metrics'] {
  const first = samples[0];
  if (first === undefined) return [];
  const extra = options.extraMetrics.filter((name) => name in first.values);
  return [...new Set([...planned.task.metrics, ...extra])].map((name) =>
    summarizeMetric(
      name,
      samples.map(({ values }) => values[name]!),
      options,
    ),
  );
}

function whyWithoutScore(piece: Piece, outcomes: ReadonlyMap<Piece, PieceOutcome>): string | null {
  if (piece.unscorable !== null) return piece.unscorable;
  const outcome = outcomes.get(piece)!;
  return 'failure' in outcome ? outcome.failure : null;
}

/** Sum over the windows of a request, in f64 and in their order; null when one of them has no score. */
function requestScore(windows: readonly Piece[], outcomes: ReadonlyMap<Piece, PieceOutcome>): RequestScore | null {
  let total: RequestScore = { logprob: 0, greedy: true, tokens: 0 };
  for (const piece of windows) {
    const outcome = outcomes.get(piece);
    if (outcome === undefined || 'failure' in outcome) return null;
    total = {
      logprob: total.logprob + outcome.logprob,
      greedy: total.greedy && outcome.greedy,
      tokens: total.tokens + piece.targets.length,
    };
  }
  return total;
}

function isTied({ document, scores }: Sample): boolean {
  return document.kind === 'multiple-choice' && bestIsTied(scores.map(({ logprob }) => logprob));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
