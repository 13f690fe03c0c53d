// For github-action-benchmark, which draws numbers over commits: its tools `customSmallerIsBetter` and `customBiggerIsBetter`
// read lists of { name, unit, value, range, extra }, a file each.
import type { Comparison, GateOutcome } from './gate-outcome.js';
import type { Reporter } from './reporter.js';

export const smallerIsBetterReporter: Reporter = { report: (outcome) => entriesOf(outcome, false) };
export const biggerIsBetterReporter: Reporter = { report: (outcome) => entriesOf(outcome, true) };

/** Its name in its tool's chart stays the same from commit to commit. Log-probabilities are held to equality, and not drawn. */
function entriesOf({ comparisons }: GateOutcome, bigger: boolean): string {
  const entries = comparisons
    .filter(
      ({ higherIsBetter, unit, value }) =>
        higherIsBetter === bigger && unit !== 'nats' && unit !== 'documents' && Number.isFinite(value),
    )
    .map((comparison) => ({
      name: [comparison.model, comparison.task, comparison.metric].filter((part) => part !== null).join(' / '),
      unit: unitOf(comparison),
      value: comparison.value,
      ...(comparison.stderr === null ? {} : { range: `± ${comparison.stderr.toPrecision(3)}` }),
      extra: `reference ${comparison.reference}, ${comparison.basis}`,
    }));
  return `${JSON.stringify(entries, null, 2)}\n`;
}

function unitOf({ metric, unit }: Comparison): string {
  if (metric === 'tokens/s') return metric;
  if (metric === 'bits_per_byte') return 'bits';
  return unit === 'points' ? 'share' : 'perplexity';
}
