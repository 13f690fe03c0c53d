// The files of `ppl`: run.json, which it goes on from, and what is made of it. ppl.csv makes a directory such a run.
import path from 'node:path';
import type { PplRecord } from '../perplexity/ppl-record.js';
import { positionRows, pplRows } from '../perplexity/ppl-rows.js';
import { writeAtomically } from '../write-atomically.js';
import { pplCsv } from './ppl-csv.js';

/** @throws UserError 'failure' when a file cannot be written. */
export async function writePpl(directory: string, record: PplRecord): Promise<void> {
  await writeAtomically(path.join(directory, 'run.json'), `${JSON.stringify(record, null, 1)}\n`);
  await writeAtomically(path.join(directory, 'ppl-by-position.csv'), pplCsv(positionRows(record)));
  await writeAtomically(path.join(directory, 'ppl.csv'), pplCsv(pplRows(record)));
}
