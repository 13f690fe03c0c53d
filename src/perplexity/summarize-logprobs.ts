// From the log-probabilities of all targets at one length to what a record keeps: sums by unit, and by position.
import { corpusLossStderr } from '../metrics/perplexity.js';
import type { Segment, Units } from './target-stream.js';

/** Targets that are predicted from more than half of `tokens` and at most `tokens` tokens before them. */
export interface PositionBucket {
  readonly tokens: number;
  readonly targets: number;
  /** Sum of log p over them, in nats. */
  readonly logprob: number;
  /** Standard error of their nats per token over the units; null for fewer than two units. */
  readonly stderr: number | null;
}

export interface LogprobSummary {
  /** Sum of log p by unit, in nats. */
  readonly unitLogprobs: number[];
  readonly positions: PositionBucket[];
  /** Tokens that a target is predicted from, on average. */
  readonly meanContext: number;
}

export function summarizeLogprobs(
  logprobs: Float32Array,
  segments: readonly Segment[],
  { bounds }: Units,
): LogprobSummary {
  const unitOf = unitIndex(bounds, logprobs.length);
  const units = bounds.length - 1;
  const longest = segments.reduce((most, { start, end }) => Math.max(most, end - start), 0);
  const buckets = Array.from({ length: bucketOf(longest) + 1 }, () => ({
    sums: new Float64Array(units),
    counts: new Float64Array(units),
  }));
  let contexts = 0;
  for (const { start, end } of segments)
    for (let at = start; at < end; at++) {
      const context = at - start + 1;
      const { sums, counts } = buckets[bucketOf(context)]!;
      sums[unitOf[at]!]! += logprobs[at]!;
      counts[unitOf[at]!]! += 1;
      contexts += context;
    }
  return {
    unitLogprobs: Array.from({ length: units }, (_, unit) => total(buckets.map(({ sums }) => sums[unit]!))),
    positions: buckets.map(({ sums, counts }, k) => ({
      tokens: Math.min(2 ** k, longest),
      targets: total(counts),
      logprob: total(sums),
      stderr: finite(corpusLossStderr([...sums].map((sum, unit) => [sum, counts[unit]!] as const))),
    })),
    meanContext: contexts / logprobs.length,
  };
}

/** 1; 2; 3 and 4; 5 to 8; ... tokens before a target are buckets 0, 1, 2, 3, ... */
function bucketOf(context: number): number {
  return Math.ceil(Math.log2(context));
}

function unitIndex(bounds: readonly number[], targets: number): Int32Array {
  const units = new Int32Array(targets);
  for (let unit = 0; unit + 1 < bounds.length; unit++) units.fill(unit, bounds[unit], bounds[unit + 1]);
  return units;
}

function total(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
