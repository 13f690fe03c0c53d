// `bench` and `ppl` from their settings to their end: measure or go on, print the table, draw, say where the files lie.
import { resolveRun } from '../evaluate/run-directory.js';
import {
  latestOf,
  resumeMeasuring,
  startMeasuring,
  type Measurement,
  type MeasuringEnvironment,
} from '../measure/measure-models.js';
import type { MeasuredRecord } from '../measure/measured-record.js';
import { readBuildInfo } from '../package-root.js';
import type { Found } from '../report/read-run.js';
import type { Interrupts } from './interrupts.js';
import type { SharedFlags } from './options.js';
import { terminalProgress } from './progress.js';
import { reportMissing } from './report-missing.js';

interface MeasuringFlags extends Pick<SharedFlags, 'output' | 'quiet' | 'progress'> {
  /** A run directory; true for the newest run. */
  resume?: string | true;
  plot?: boolean;
}

/** What becomes of the records. */
interface Reports<R> {
  readonly save: MeasuringEnvironment<R>['save'];
  /** The table on stdout. */
  readonly format: (records: R[]) => string;
  /** What there is to draw. */
  readonly found: (records: R[]) => Partial<Found>;
}

/**
 * @param settings null to go on with the run that `--resume` means
 * @throws UserError as `startMeasuring`, `resumeMeasuring` and `reportMissing`.
 */
export async function runMeasurement<R extends MeasuredRecord>(
  measurement: Measurement<R>,
  settings: R['settings'] | null,
  flags: MeasuringFlags,
  interrupts: Interrupts,
  { save, format, found }: Reports<R>,
): Promise<void> {
  const { kind } = measurement;
  const { resume, output } = flags;
  const remark = flags.quiet === true ? () => {} : (sentence: string) => void process.stderr.write(`${sentence}\n`);
  const environment: MeasuringEnvironment<R> = {
    progress: terminalProgress(flags),
    log: remark,
    now: () => new Date(),
    clock: () => performance.now(),
    signal: interrupts.signal(),
    build: readBuildInfo(),
    save,
  };
  const outcomes =
    settings === null
      ? await resumeMeasuring(
          measurement,
          resolveRun(typeof resume === 'string' ? resume : null, output, latestOf(kind)),
          environment,
        )
      : await startMeasuring(measurement, settings, output, environment);
  const records = outcomes.map(({ record }) => record);
  if (records.length > 0) process.stdout.write(format(records));
  if (flags.plot === true && records.length > 0) {
    const { writePlots } = await import('../report/write-plots.js');
    const place = outcomes.length > 1 ? output : outcomes[0]!.directory;
    for (const file of await writePlots(found(records), place)) remark(file);
  }
  for (const { directory } of outcomes) remark(directory);
  reportMissing(kind, outcomes, interrupts);
}
