// Which runs a table in the paper's columns may call the best: those that are better than every other beyond chance, by the
// documents that all of them scored.
import { leadersOf, type Contest, type Leaders } from '../metrics/best.js';
import { twoSidedP } from '../metrics/intervals.js';
import { mcNemarOfDocuments } from '../metrics/mcnemar.js';
import { pairedBootstrap, pairedDifference } from '../metrics/paired.js';
import { isAccuracy, metrics } from '../metrics/registry.js';
import { sum } from '../metrics/stderr.js';
import { averagedCells, paperAverage, paperCells, type PaperCell } from './paper-cells.js';
import { PAPER_COLUMNS } from './paper-columns.js';
import type { SampledRun } from './read-samples.js';
import { ratioParts, sharedDocuments, valuesOf, type SharedDocuments } from './shared-documents.js';
import type { MetricName } from '../tasks/task.js';

/** Chance of calling one run of the table the best that is not. */
export const LEVEL = 0.05;

const BOOTSTRAP = { iterations: 2000, confidence: 1 - LEVEL, seed: 0 };

/** A run's number in one column; null where it may not compete. */
type Candidate = PaperCell | null;

/** One entry for each of `PAPER_COLUMNS` and one for the average; the leaders are positions in `runs`. */
export function paperLeaders(runs: readonly SampledRun[]): Leaders[] {
  const cells = runs.map((run) =>
    paperCells(run.summary).map((cell) => (cell !== null && competes(cell, run) ? cell : null)),
  );
  const contests = PAPER_COLUMNS.map((_, column) =>
    columnContest(
      runs,
      cells.map((own) => own[column] ?? null),
    ),
  );
  return leadersOf([...contests, averageContest(runs, cells)], LEVEL);
}

/** On the whole benchmark, with a number, and with the documents that it came from. */
function competes({ task, metric }: PaperCell, { documents }: SampledRun): boolean {
  return task.label === null && task.skipped === 0 && Number.isFinite(metric.value) && documents.has(task.task);
}

function columnContest(runs: readonly SampledRun[], candidates: readonly Candidate[]): Contest {
  const value = (run: number) => candidates[run]!.metric.value;
  const [first] = candidates.filter((candidate) => candidate !== null);
  const higher = first !== undefined && metrics[first.metric.name].higherIsBetter;
  const order = competitors(candidates).sort((a, b) => (higher ? value(b) - value(a) : value(a) - value(b)));
  return {
    order,
    p: (a, b) => {
      const pair = pairOf(runs, candidates, a, b);
      if (pair === null) return 1;
      const { name, first, second } = pair;
      return isAccuracy(name)
        ? mcNemarOfDocuments(valuesOf(name, first), valuesOf(name, second))
        : pairedBootstrap(ratioParts(name, first), ratioParts(name, second), BOOTSTRAP).p;
    },
  };
}

function averageContest(runs: readonly SampledRun[], cells: readonly (readonly Candidate[])[]): Contest {
  const averaged = cells.map(averagedCells);
  const value = (run: number) => paperAverage(averaged[run]!).value;
  const order = competitors(averaged).sort((a, b) => value(b) - value(a));
  return {
    order,
    // The tasks share no document, so the variances of their differences add.
    p: (a, b) => {
      const differences = averaged[a]!.map((_, k) => {
        const column = averaged.map((own) => own?.[k] ?? null);
        const pair = pairOf(runs, column, a, b);
        if (pair === null) return { difference: NaN, stderr: NaN };
        return pairedDifference(ratioParts(pair.name, pair.first), ratioParts(pair.name, pair.second));
      });
      const variance = sum(differences.map(({ stderr }) => stderr ** 2));
      const z = sum(differences.map(({ difference }) => difference)) / Math.sqrt(variance);
      return Number.isNaN(z) ? 1 : twoSidedP(z);
    },
  };
}

function competitors(candidates: readonly unknown[]): number[] {
  return candidates.flatMap((candidate, run) => (candidate === null ? [] : [run]));
}

/** The documents of two runs, by a column's metric; null where the two were not asked the same. */
function pairOf(
  runs: readonly SampledRun[],
  candidates: readonly Candidate[],
  a: number,
  b: number,
): (SharedDocuments & { name: MetricName }) | null {
  const [first, second] = [candidates[a]!, candidates[b]!];
  const { task, dataDigest, version } = first.task;
  if (dataDigest !== second.task.dataDigest || version !== second.task.version) return null;
  const documents = sharedDocuments(runs[a]!.documents.get(task), runs[b]!.documents.get(task));
  return documents === null ? null : { ...documents, name: first.metric.name };
}
