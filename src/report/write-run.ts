// The files of a run that others read: samples, results.csv and, last, the results.json that makes a directory a run.
import path from 'node:path';
import type { RunSummary } from '../evaluate/run-summary.js';
import { lmEvalResults } from './lm-eval-json.js';
import { resultsCsv } from './results-csv.js';
import { sampleRow, samplesJsonl, taskHash, type SampleDetail, type ScoredDocument } from './samples.js';
import { tidyRows } from './tidy-rows.js';
import { writeAtomically } from '../write-atomically.js';

/**
 * @param samples by task name, the scored documents of every task of the run.
 * @throws UserError 'failure' when a file cannot be written.
 */
export async function writeRun(
  directory: string,
  run: RunSummary,
  samples: ReadonlyMap<string, readonly ScoredDocument[]>,
  detail: SampleDetail,
): Promise<void> {
  const hashes: Record<string, string> = {};
  for (const { task, metrics } of run.tasks) {
    const names = metrics.map(({ name }) => name);
    const rows = (samples.get(task) ?? []).map((sample) => sampleRow(sample, names));
    hashes[task] = taskHash(rows);
    if (detail !== 'none')
      await writeAtomically(path.join(directory, `samples_${task}.jsonl`), samplesJsonl(rows, detail));
  }
  await writeAtomically(path.join(directory, 'results.csv'), resultsCsv(tidyRows(run)));
  const results = JSON.stringify(lmEvalResults(run, hashes), null, 2);
  await writeAtomically(path.join(directory, 'results.json'), `${results}\n`);
}
