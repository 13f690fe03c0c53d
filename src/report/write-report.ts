// The one page of a results tree, as a file.
import { writeAtomically } from '../write-atomically.js';
import { htmlReport, type ReportOptions } from './html-report.js';
import type { Found } from './read-run.js';

/** @throws UserError 'failure' when the file cannot be written. */
export async function writeReport(found: Partial<Found>, file: string, options: ReportOptions): Promise<void> {
  await writeAtomically(file, htmlReport({ runs: [], benches: [], ppls: [], trainings: [], ...found }, options));
}
