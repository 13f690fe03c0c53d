// The gate: runs against a reference, to what got worse.
import type { BenchRecord } from '../bench/bench-record.js';
import type { SampledRun } from '../report/read-samples.js';
import { gateBenches } from './gate-benches.js';
import type { FailedModel, GateOutcome } from './gate-outcome.js';
import { gateRequests, whyOtherRequests } from './gate-requests.js';
import { gateSpeed, whyOtherSpeed } from './gate-speed.js';
import { gateTasks, isComparable, type Tolerances } from './gate-tasks.js';
import { matchRuns, type MatchedRun } from './match-runs.js';
import type { Reference } from './reference.js';

/** What is held against a reference. */
export interface Checked {
  readonly runs: readonly SampledRun[];
  readonly benches: readonly BenchRecord[];
  /** Models of the reference that could not be evaluated, by their names on the command line. */
  readonly failed: readonly FailedModel[];
}

/** @throws UserError 'data' where runs and reference cannot be compared. */
export function gate(reference: Reference, { runs, benches, failed }: Checked, tolerances: Tolerances): GateOutcome {
  const { slowdown } = tolerances;
  const matched = matchRuns(reference, runs, new Set(failed.map(({ model }) => model)));
  const comparisons = matched.flatMap((pair) => {
    const speed = slowdown === null ? null : gateSpeed(pair, slowdown);
    return [...gateTasks(pair, tolerances), ...gateRequests(pair), ...(speed === null ? [] : [speed])];
  });
  const speeds = slowdown === null ? NO_BENCHES : gateBenches(reference.benches, benches, slowdown);
  return {
    comparisons: [...comparisons, ...speeds.comparisons],
    failed,
    notes: [...matched.flatMap((pair) => notesOn(pair, tolerances)), ...speeds.notes, ...unmatched(matched, runs)],
  };
}

const NO_BENCHES: Pick<GateOutcome, 'comparisons' | 'notes'> = { comparisons: [], notes: [] };

/** What was not compared, or not as well as it could be. */
function notesOn({ reference: { summary: then }, run }: MatchedRun, { slowdown }: Tolerances): string[] {
  const { summary: now, documents } = run;
  const { label } = now.model;
  const withoutSamples = then.tasks.filter(({ task }) => !documents.has(task)).map(({ task }) => task);
  const leftOut = then.tasks.flatMap(({ task, metrics }) =>
    metrics.filter(({ name }) => !isComparable(name, then, now)).map(({ name }) => `${task} ${name}`),
  );
  const [requests, speed] = [whyOtherRequests(then, now), slowdown === null ? null : whyOtherSpeed(then, now)];
  return [
    ...(now.model.spec === then.model.spec ? [] : [`${now.model.spec} is compared with ${then.model.spec}`]),
    ...(withoutSamples.length === 0
      ? []
      : [`${label}: unpaired, so that less shows, as the run has no samples of ${withoutSamples.join(', ')}`]),
    ...(leftOut.length === 0 ? [] : [`${label}: ${leftOut.join(', ')} not compared, the tokenizer is another`]),
    ...(requests === null ? [] : [`${label}: requests are not compared one by one, ${requests}`]),
    ...(speed === null ? [] : [`${label}: speed is not compared, ${speed}`]),
  ];
}

function unmatched(matched: readonly MatchedRun[], runs: readonly SampledRun[]): string[] {
  const compared = new Set(matched.map(({ run }) => run));
  return runs.filter((run) => !compared.has(run)).map(({ summary }) => `${summary.model.spec} is not in the reference`);
}
