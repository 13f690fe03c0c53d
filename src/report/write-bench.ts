// The files of a benchmark: bench.csv for others, and run.json, which it is made of and from which it goes on.
import path from 'node:path';
import type { BenchRecord } from '../bench/bench-record.js';
import { benchRows } from '../bench/bench-rows.js';
import { writeAtomically } from '../write-atomically.js';
import { benchCsv } from './bench-csv.js';

/** @throws UserError 'failure' when a file cannot be written. */
export async function writeBench(directory: string, record: BenchRecord): Promise<void> {
  await writeAtomically(path.join(directory, 'run.json'), `${JSON.stringify(record, null, 1)}\n`);
  await writeAtomically(path.join(directory, 'bench.csv'), benchCsv(benchRows(record)));
}
