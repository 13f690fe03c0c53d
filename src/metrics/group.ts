// Metrics over several tasks: the paper's unweighted mean, and lm-eval's size-weighted one.
import { mean, sum } from './stderr.js';

/** A mean over tasks with its standard error; null where a part has none. */
export interface GroupMean {
  value: number;
  stderr: number | null;
}

/**
 * Mean over k tasks, each counting once, as the SWAT paper's `Avg.`. The tasks share no document, so the variances add:
 * stderr = sqrt(sum of stderr^2) / k.
 */
export function unweightedMean(parts: readonly GroupMean[]): GroupMean {
  const variance = sum(parts.map(({ stderr }) => (stderr === null ? NaN : stderr ** 2)));
  return {
    value: mean(parts.map(({ value }) => value)),
    stderr: Number.isNaN(variance) ? null : Math.sqrt(variance) / parts.length,
  };
}

/**
 * Mean over tasks weighted by their numbers of documents, with lm-eval's pooled standard error
 * sqrt(sum((n - 1) x stderr^2 x n) / (sum(n) - k) / sum(n)): `aggregate_subtask_metrics` and `pooled_sample_stderr`.
 */
export function sizeWeightedMean(parts: readonly (GroupMean & { documents: number })[]): GroupMean {
  const documents = sum(parts.map((part) => part.documents));
  return {
    value: sum(parts.map((part) => part.value * part.documents)) / documents,
    stderr: pooledStderr(parts, documents),
  };
}

function pooledStderr(
  parts: readonly { stderr: number | null; documents: number }[],
  documents: number,
): number | null {
  const squares = parts.map((part) =>
    part.stderr === null ? NaN : (part.documents - 1) * part.stderr ** 2 * part.documents,
  );
  const pooled = Math.sqrt(sum(squares) / (documents - parts.length) / documents);
  return Number.isNaN(pooled) ? null : pooled;
}
