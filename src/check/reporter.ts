// How the outcome of a gate is told: to a person, to a program, to github-action-benchmark, to a reader of JUnit files.
import type { GateOutcome } from './gate-outcome.js';

/** Writes an outcome as the text of a file or of stdout. */
export interface Reporter {
  report(outcome: GateOutcome): string;
}
