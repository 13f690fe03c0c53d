// What a gate found out: what was compared, what got worse, and what could not be compared.

/** One number of a run beside the reference's. */
export interface Comparison {
  /** Name of the model in tables. */
  readonly model: string;
  /** A task, or a benchmark's cell as `pp512`; null for what is of the whole run. */
  readonly task: string | null;
  /** A metric's name, `log-probability`, `documents` or `tokens/s`. */
  readonly metric: string;
  readonly higherIsBetter: boolean;
  readonly reference: number;
  readonly value: number;
  /** Standard error of `value`, null where it has none. */
  readonly stderr: number | null;
  /** How much worse the value is, in `unit`: below 0 where it is better. */
  readonly change: number;
  /** How much worse it may be: the tolerance, or twice the standard error of the change if that is more. */
  readonly allowed: number;
  readonly unit: '%' | 'points' | 'nats' | 'documents';
  /** What the change was measured on. */
  readonly basis: 'paired' | 'unpaired' | 'equal weights' | 'equal device' | 'median' | 'count';
  readonly regressed: boolean;
  /** What a reader has to know beside the numbers. */
  readonly note: string | null;
}

/** A model that could not be evaluated. */
export interface FailedModel {
  readonly model: string;
  readonly reason: string;
}

export interface GateOutcome {
  readonly comparisons: readonly Comparison[];
  readonly failed: readonly FailedModel[];
  /** What was not compared, and why: a sentence each. */
  readonly notes: readonly string[];
}

/** Names of what got worse, as `swat-mini piqa acc`. */
export function regressions({ comparisons, failed }: GateOutcome): string[] {
  return [
    ...failed.map(({ model }) => model),
    ...comparisons
      .filter(({ regressed }) => regressed)
      .map(({ model, task, metric }) => [model, task, metric].filter((part) => part !== null).join(' ')),
  ];
}
