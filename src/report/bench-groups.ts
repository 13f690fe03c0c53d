// Benchmarks of one model as one: of its prefill, of decoding and of training, say, which a sweep measures in runs of their own.
import type { BenchRecord } from '../bench/bench-record.js';
import { cellKey, type CellKind } from '../bench/cells.js';
import { runLabels } from './run-labels.js';

export interface BenchGroup {
  /** The model's, with what tells it from another group of that model. */
  readonly label: string;
  /** Whose look it has: the first group of a model is drawn as the model. */
  readonly look: string;
  readonly runs: readonly BenchRecord[];
}

/**
 * Runs of one model on one device are a group. Of a cell that one program measured twice there, the later result counts; where
 * several programs measured the same cell, they are groups of their own.
 * @param kind of cells that count; the results of others, and runs without any, are left out. Absent: all.
 */
export function benchGroups(runs: readonly BenchRecord[], kind?: CellKind): BenchGroup[] {
  const own = runs
    .map((run) => ({ ...run, results: run.results.filter(({ cell }) => kind === undefined || cell.kind === kind) }))
    .filter(({ results }) => results.length > 0);
  const groups: BenchRecord[][] = [];
  for (const run of own) {
    const group = groups.find((members) => isOfGroup(run, members));
    if (group === undefined) groups.push([run]);
    else group.push(run);
  }
  const firsts = groups.map(([first]) => first!);
  const labels = runLabels(firsts);
  return groups.map((members, k) => {
    const { label } = firsts[k]!.model;
    const isFirst = firsts.findIndex(({ model }) => model.label === label) === k;
    return { label: labels[k]!, look: isFirst ? label : labels[k]!, runs: latestResults(members) };
  });
}

function isOfGroup(run: BenchRecord, members: readonly BenchRecord[]): boolean {
  return members.every(
    (other) =>
      deviceOf(other) === deviceOf(run) && (other.build.revision === run.build.revision || isApart(other, run)),
  );
}

function deviceOf({ model, engine, settings }: BenchRecord): string {
  return JSON.stringify([model.label, model.weightsDigest, engine, settings.seed]);
}

function isApart(one: BenchRecord, other: BenchRecord): boolean {
  const cells = new Set(one.results.map(({ cell }) => cellKey(cell)));
  return other.results.every(({ cell }) => !cells.has(cellKey(cell)));
}

function latestResults(members: readonly BenchRecord[]): BenchRecord[] {
  const latest = new Map(members.flatMap(({ results }) => results.map((result) => [cellKey(result.cell), result])));
  return members.map((run) => ({
    ...run,
    results: run.results.filter((result) => latest.get(cellKey(result.cell)) === result),
  }));
}
