// `swat-eval check [RUN...]`: the gate of a CI job. Holds runs against a reference; without RUN it runs the reference's plan first.
// Exit 4 where something got worse.
import type { Checked } from '../../check/gate.js';
import type { GateOutcome } from '../../check/gate-outcome.js';
import type { Reference } from '../../check/reference.js';
import { UserError } from '../../user-error.js';
import { checkOptions, tolerancesOf, type CheckFlags } from '../check-options.js';
import type { Interrupts } from '../interrupts.js';
import { options } from '../options.js';
import type { CommandDefinition } from '../program.js';

export const check: CommandDefinition = (program, interrupts) => {
  const command = program
    .command('check')
    .description('Fail if a run is worse than a stored reference.')
    .argument(
      '[run...]',
      'run directories, or directories with runs below them (default: runs the plan of the reference)',
    );
  for (const option of [
    checkOptions.reference,
    checkOptions.maxPplIncrease,
    checkOptions.maxAccDrop,
    checkOptions.maxSlowdown,
    checkOptions.format,
    checkOptions.githubBenchmark,
    checkOptions.junit,
    checkOptions.update,
    options.dataDir,
    options.cacheDir,
    options.offline,
    checkOptions.backend,
    options.output,
    options.quiet,
    options.verbose,
    options.noProgress,
    options.noColor,
  ])
    command.addOption(option);
  command.action(async (places: string[], flags: CheckFlags) => {
    const remark = flags.quiet === true ? () => {} : (sentence: string) => void process.stderr.write(`${sentence}\n`);
    if (flags.update === true) return update(places, flags, interrupts, remark);
    const { readReference } = await import('../../check/reference.js');
    const { gate } = await import('../../check/gate.js');
    const { regressions } = await import('../../check/gate-outcome.js');
    const reference = await readReference(flags.reference);
    const checked = await whatToCheck(places, reference, flags, interrupts, remark);
    const outcome = gate(reference, checked, tolerancesOf(flags));
    for (const file of await writeReports(outcome, flags)) remark(file);
    const regressed = regressions(outcome);
    if (regressed.length === 0) return;
    throw new UserError(
      'regression',
      `${regressed.length} regressed: ${regressed.slice(0, NAMED).join(', ')}${regressed.length > NAMED ? ', ...' : ''}`,
      {
        where: flags.reference,
      },
    );
  });
};

/** Regressions named in the error; the table has all. */
const NAMED = 5;

/** Writes the new reference last, so that one which cannot be made leaves the old one. */
async function update(
  places: readonly string[],
  flags: CheckFlags,
  interrupts: Interrupts,
  remark: (sentence: string) => void,
): Promise<void> {
  const { readReference, writeReference } = await import('../../check/reference.js');
  const { makeReference } = await import('../../check/make-reference.js');
  const { gate } = await import('../../check/gate.js');
  const { differenceReporter } = await import('../../check/report-table.js');
  const { jsonReporter } = await import('../../check/report-json.js');
  let old: Reference | null = null;
  try {
    old = await readReference(flags.reference);
  } catch (error) {
    if (places.length === 0 || !(error instanceof UserError)) throw error;
    remark(error.message);
  }
  const checked = await whatToCheck(places, old, flags, interrupts, remark);
  const [failed] = checked.failed;
  if (failed !== undefined) throw new UserError('failure', `${failed.model} failed: ${failed.reason}`);
  // The plan has no benchmark: what was measured before stays.
  const reference = makeReference(checked.runs, places.length === 0 ? old!.benches : checked.benches);
  if (old !== null)
    try {
      const outcome = gate(old, checked, tolerancesOf(flags));
      process.stdout.write((flags.format === 'json' ? jsonReporter : differenceReporter).report(outcome));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      remark(`the old reference is another: ${error.message}`);
    }
  await writeReference(flags.reference, reference);
  remark(flags.reference);
}

/** The runs that are named, or those that the reference's plan now makes. */
async function whatToCheck(
  places: readonly string[],
  reference: Reference | null,
  flags: CheckFlags,
  interrupts: Interrupts,
  remark: (sentence: string) => void,
): Promise<Checked> {
  const { readSampledRun } = await import('../../report/read-samples.js');
  if (places.length > 0) {
    const { placesByKind } = await import('../../report/read-run.js');
    const { readBenchRecord } = await import('../../bench/bench-record.js');
    const { runs, benches } = await placesByKind(places);
    return { runs: await Promise.all(runs.map(readSampledRun)), benches: benches.map(readBenchRecord), failed: [] };
  }
  const { createRunEnvironment } = await import('../run-environment.js');
  const { terminalProgress } = await import('../progress.js');
  const { runPlan } = await import('../../check/run-plan.js');
  const changes = {
    dataDir: flags.dataDir ?? null,
    cacheDir: flags.cacheDir ?? null,
    offline: flags.offline ?? false,
    ...(flags.backend === undefined ? {} : { backend: flags.backend }),
  };
  const environment = createRunEnvironment(terminalProgress(flags), interrupts, remark);
  const { directories, failed } = await runPlan(reference!, changes, flags.output, environment);
  for (const directory of directories) remark(directory);
  return { runs: await Promise.all(directories.map(readSampledRun)), benches: [], failed };
}

/** stdout gets the report. @returns the files that were written. */
async function writeReports(outcome: GateOutcome, flags: CheckFlags): Promise<string[]> {
  const { tableReporter } = await import('../../check/report-table.js');
  const { jsonReporter } = await import('../../check/report-json.js');
  const { smallerIsBetterReporter, biggerIsBetterReporter } = await import('../../check/report-github-benchmark.js');
  const { junitReporter } = await import('../../check/report-junit.js');
  const { writeAtomically } = await import('../../write-atomically.js');
  process.stdout.write((flags.format === 'json' ? jsonReporter : tableReporter).report(outcome));
  const stem = flags.githubBenchmark?.replace(/\.json$/, '');
  const files = [
    ...(stem === undefined
      ? []
      : ([
          [`${stem}-smaller.json`, smallerIsBetterReporter],
          [`${stem}-bigger.json`, biggerIsBetterReporter],
        ] as const)),
    ...(flags.junit === undefined ? [] : ([[flags.junit, junitReporter]] as const)),
  ];
  for (const [file, reporter] of files) await writeAtomically(file, reporter.report(outcome));
  return files.map(([file]) => file);
}
