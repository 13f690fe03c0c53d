// Which runs a table in the paper's columns may call the best: those that are better than every other beyond chance, by the
// documents that all of them scored.
import { leadersOf, type Contest, type Leaders } from '../metrics/best.js';
import { twoSidedP } from '../metrics/intervals.js';
import { pairedTest } from '../metrics/paired-test.js';
import { metrics } from '../metrics/registry.js';
import { sum } from '../metrics/stderr.js';
import { averagedCells, paperAverage, paperCells, type PaperCell } from './paper-cells.js';
import { PAPER_COLUMNS } from './paper-columns.js';
import type { SampledRun } from './read-samples.js';
import { sharedDocuments, valuesOf } from './shared-documents.js';

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
  return { order, p: (a, b) => testOf(runs, candidates, a, b)?.p ?? 1 };
}

function averageContest(runs: readonly SampledRun[], cells: readonly (readonly Candidate[])[]): Contest {
  const averaged = cells.map(averagedCells);
  const value = (run: number) => paperAverage(averaged[run]!).value;
  const order = competitors(averaged).sort((a, b) => value(b) - value(a));
  return {
    order,
    // The tasks share no document, so the variances of their differences add.
    p: (a, b) => {
      const tests = averaged[a]!.map((_, k) =>
        testOf(
          runs,
          averaged.map((own) => own?.[k] ?? null),
          a,
          b,
        ),
      );
      const variance = sum(tests.map((test) => (test === null ? NaN : test.stderr ** 2)));
      const z = sum(tests.map((test) => test?.difference ?? NaN)) / Math.sqrt(variance);
      return Number.isNaN(z) ? 1 : twoSidedP(z);
    },
  };
}

function competitors(candidates: readonly unknown[]): number[] {
  return candidates.flatMap((candidate, run) => (candidate === null ? [] : [run]));
}

/** Null where the two were not asked the same. */
function testOf(runs: readonly SampledRun[], candidates: readonly Candidate[], a: number, b: number) {
  const [first, second] = [candidates[a]!, candidates[b]!];
  const { task } = first.task;
  if (first.task.dataDigest !== second.task.dataDigest || first.task.version !== second.task.version) return null;
  const documents = sharedDocuments(runs[a]!.documents.get(task), runs[b]!.documents.get(task));
  if (documents === null) return null;
  const { name } = first.metric;
  return pairedTest(name, valuesOf(name, documents.first), valuesOf(name, documents.second), BOOTSTRAP);
}
