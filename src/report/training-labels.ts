// Which of several training runs of one name are shown, and what they are called: seeds share a name, a search is left out.
import { nameWithoutSeed } from './display-names.js';
import type { TrainedRun } from './read-training.js';

/** Of the runs of one name those of the longest budget: the others chose their learning rate, say. */
export function longestOfNames(runs: readonly TrainedRun[]): TrainedRun[] {
  const budget = ({ record: { config } }: TrainedRun) =>
    config.tokens ?? config.steps! * config.sequence_length * config.accumulation_steps;
  return runs.filter((run) => runs.every((other) => other.name !== run.name || budget(other) <= budget(run)));
}

/** The name, which seeds share; of runs that differ in more than their seeds with their id. */
export function trainingLabel(run: TrainedRun, runs: readonly TrainedRun[]): string {
  const setting = ({ record: { config, data } }: TrainedRun) =>
    JSON.stringify([{ ...config, seeds: null }, data.digest]);
  const told = runs.every((other) => other.name !== run.name || setting(other) === setting(run));
  return told ? nameWithoutSeed(run.name) : `${run.name} (${run.record.runId})`;
}
