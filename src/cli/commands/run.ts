// `swat-eval run`: models x tasks to run directories and one table. stdout is the table, stderr everything else.
import type { Command } from 'commander';
import type { RunOutcome } from '../../evaluate/run-models.js';
import type { RunSummary } from '../../evaluate/run-summary.js';
import { formatError, UserError } from '../../user-error.js';
import type { Interrupts } from '../interrupts.js';
import { options } from '../options.js';
import type { CommandDefinition } from '../program.js';
import { givenSettings, runOptions, runSettingsOf } from '../run-options.js';
import type { RunFlags } from '../run-options.js';
import { shellWord } from '../shell-word.js';

export const run: CommandDefinition = (program, interrupts) => {
  const command = program.command('run').description('Evaluate models on tasks.');
  for (const option of [
    options.model,
    options.task,
    options.dataDir,
    runOptions.fixtures,
    options.cacheDir,
    options.offline,
    options.allowPartial,
    options.tokenizer,
    options.backend,
    options.dtype,
    options.limit,
    options.batchSize,
    runOptions.noFork,
    options.maxLength,
    options.bos,
    options.seed,
    options.output,
    runOptions.resume,
    runOptions.logSamples,
    runOptions.metric,
    runOptions.bootstrapIters,
    runOptions.ci,
    options.format,
    runOptions.plot,
    options.quiet,
    options.verbose,
    options.noProgress,
    options.noColor,
  ])
    command.addOption(option);
  command.action(async (flags: RunFlags) => {
    const outcomes = await evaluate(flags, command, interrupts);
    const finished = outcomes.flatMap((outcome) => (outcome.status === 'complete' ? [outcome] : []));
    const summaries = finished.map(({ result }) => result.summary);
    if (summaries.length > 0) {
      const { formatLong } = await import('../../report/format-runs.js');
      process.stdout.write(formatLong(summaries, flags.format));
    }
    const remark = flags.quiet === true ? () => {} : printRemark;
    if (flags.plot === true) await plot(summaries, finished.length > 1 ? flags.output : finished[0]?.directory, remark);
    for (const { result } of finished) remark(await describeObservation(result.summary));
    for (const { directory } of finished) remark(directory);
    reportFailures(outcomes);
  });
};

async function evaluate(flags: RunFlags, command: Command, interrupts: Interrupts): Promise<RunOutcome[]> {
  const settings = flags.resume === undefined ? runSettingsOf(flags) : null;
  const { createRunEnvironment } = await import('../run-environment.js');
  const { createProgress, progressMode } = await import('../progress.js');
  const { resumeRuns, startRuns } = await import('../../evaluate/run-models.js');
  const mode = progressMode(flags, process.stderr, process.env);
  const progress = createProgress({ stream: process.stderr, now: () => performance.now(), mode });
  const log = flags.quiet === true ? () => {} : printRemark;
  const environment = createRunEnvironment(progress, interrupts, log);
  if (settings !== null) return startRuns(settings, flags.output, environment);
  const { resolveRun } = await import('../../evaluate/run-directory.js');
  const directory = resolveRun(flags.resume === true ? null : flags.resume!, flags.output);
  const given = givenSettings(flags, (flag) => command.getOptionValueSource(flag) === 'cli');
  return resumeRuns(directory, given, environment);
}

/** Which kernels ran, and what memory they took. */
async function describeObservation({ model, observed }: RunSummary): Promise<string> {
  if (observed === null) return `${model.label}: kernels and memory were not written down`;
  const { bytesText } = await import('../../report/number-text.js');
  const { weightsBytes, loadPeakBytes, scorePeakBytes, stateBytes } = observed.memory;
  const [weights, loading, scoring, state] = [weightsBytes, loadPeakBytes, scorePeakBytes, stateBytes].map(bytesText);
  return `${model.label}: ${observed.kernels} kernels; memory at most ${scoring} scoring, ${loading} loading; weights ${weights}, state of the longest row ${state}`;
}

async function plot(
  summaries: readonly RunSummary[],
  directory: string | undefined,
  remark: (sentence: string) => void,
): Promise<void> {
  if (directory === undefined) return;
  const { writePlots } = await import('../../report/write-plots.js');
  for (const file of await writePlots({ runs: [...summaries] }, directory)) remark(file);
}

/** Requests named on stderr; run.json and results.json hold the counts. */
const NAMED_REQUESTS = 5;

/**
 * @throws UserError 'interrupted', or 'device' for one that was lost, with the command that goes on; what stopped the one model there is; 'partial' when
 * some of several models failed, or documents were left out.
 */
function reportFailures(outcomes: readonly RunOutcome[]): void {
  const interrupted = outcomes.find(({ status }) => status === 'interrupted');
  const failed = outcomes.flatMap((outcome) => (outcome.status === 'failed' ? [outcome] : []));
  const lost = failed.find(({ error }) => error.kind === 'device');
  if (lost !== undefined)
    throw new UserError('device', `${lost.error.message}; what was done is kept`, {
      hint: `swat-eval run --resume ${shellWord(lost.directory)}`,
      cause: lost.error,
    });
  const unscored = outcomes.flatMap((outcome) => (outcome.status === 'complete' ? outcome.result.failures : []));
  if (failed.length === 1 && outcomes.length === 1) throw failed[0]!.error;
  for (const { directory, error } of failed) printRemark(`${directory}: ${formatError(error)}`);
  for (const sentence of unscored.slice(0, NAMED_REQUESTS)) printRemark(sentence);
  if (interrupted !== undefined)
    throw new UserError('interrupted', 'interrupted; what was done is kept', {
      hint: `swat-eval run --resume ${shellWord(interrupted.directory)}`,
    });
  if (failed.length > 0) throw new UserError('partial', `${failed.length} of ${outcomes.length} models failed`);
  if (unscored.length > 0)
    throw new UserError('partial', `${unscored.length} requests have no score; their documents are left out`);
}

function printRemark(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}
