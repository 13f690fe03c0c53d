// `swat-eval bench`: throughput, latency and memory of models against length, depth, batch and window. stdout is the table.
import type { BenchEnvironment, BenchOutcome } from '../../bench/run-bench.js';
import { benchOptions, benchSettingsOf, type BenchFlags } from '../bench-options.js';
import type { Interrupts } from '../interrupts.js';
import { options } from '../options.js';
import type { CommandDefinition } from '../program.js';
import { reportMissing } from '../report-missing.js';

export const bench: CommandDefinition = (program, interrupts) => {
  const command = program
    .command('bench')
    .description('Measure throughput, latency and memory against sequence length.');
  for (const option of [
    options.model,
    benchOptions.nPrompt,
    benchOptions.nGen,
    benchOptions.pg,
    benchOptions.nDepth,
    benchOptions.batchSize,
    benchOptions.window,
    benchOptions.train,
    benchOptions.repetitions,
    benchOptions.readEvery,
    options.backend,
    options.dtype,
    options.seed,
    options.output,
    benchOptions.resume,
    options.format,
    benchOptions.plot,
    options.quiet,
    options.verbose,
    options.noProgress,
    options.noColor,
  ])
    command.addOption(option);
  command.action(async (flags: BenchFlags) => {
    const remark = flags.quiet === true ? () => {} : (sentence: string) => void process.stderr.write(`${sentence}\n`);
    const outcomes = await measure(flags, interrupts, remark);
    const records = outcomes.map(({ record }) => record);
    if (records.length > 0) {
      const { formatBench } = await import('../../report/format-runs.js');
      process.stdout.write(formatBench(records, flags.format));
    }
    if (flags.plot === true && records.length > 0) {
      const { writePlots } = await import('../../report/write-plots.js');
      const place = outcomes.length > 1 ? flags.output : outcomes[0]!.directory;
      for (const file of await writePlots({ benches: records }, place)) remark(file);
    }
    for (const { directory } of outcomes) remark(directory);
    reportMissing('bench', outcomes, interrupts);
  });
};

async function measure(
  flags: BenchFlags,
  interrupts: Interrupts,
  log: (sentence: string) => void,
): Promise<BenchOutcome[]> {
  const settings = flags.resume === undefined ? benchSettingsOf(flags) : null;
  const { readBuildInfo } = await import('../../package-root.js');
  const { startBench, resumeBench } = await import('../../bench/run-bench.js');
  const { writeBench } = await import('../../report/write-bench.js');
  const { terminalProgress } = await import('../progress.js');
  const environment: BenchEnvironment = {
    progress: terminalProgress(flags),
    log,
    now: () => new Date(),
    clock: () => performance.now(),
    signal: interrupts.signal(),
    build: readBuildInfo(),
    save: writeBench,
  };
  return settings === null ? resumeBench(flags.resume!, environment) : startBench(settings, flags.output, environment);
}
