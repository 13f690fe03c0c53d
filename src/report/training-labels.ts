// Which of several training runs of one name are shown, and what they are called: seeds share a name, a search is left out.
import { nameWithoutSeed } from './display-names.js';
import type { TrainedRun } from './read-training.js';

/**
 * The runs of the full budget, which is the longest that a finished run has: shorter ones chose a learning rate, say. A run without
 * an end counts by what it was to see.
 */
export function runsOfFullBudget(runs: readonly TrainedRun[]): TrainedRun[] {
  const finished = runs.filter(({ record }) => record.status === 'complete').map(budget);
  return longestOfNames(runs.filter((run) => finished.length === 0 || budget(run) >= Math.max(...finished)));
}

/** Of the runs of one name those of the longest budget. */
export function longestOfNames(runs: readonly TrainedRun[]): TrainedRun[] {
  return runs.filter((run) => runs.every((other) => other.name !== run.name || budget(other) <= budget(run)));
}

/** Tokens. */
function budget({ record: { config } }: TrainedRun): number {
  return config.tokens ?? config.steps! * config.sequence_length * config.accumulation_steps;
}

/** The name, which seeds share; of runs that differ in more than their seeds with their id. */
export function trainingLabel(run: TrainedRun, runs: readonly TrainedRun[]): string {
  const setting = ({ record: { config, data } }: TrainedRun) =>
    JSON.stringify([{ ...config, seeds: null }, data.digest]);
  const told = runs.every((other) => other.name !== run.name || setting(other) === setting(run));
  return told ? nameWithoutSeed(run.name) : `${run.name} (${run.record.runId})`;
}
