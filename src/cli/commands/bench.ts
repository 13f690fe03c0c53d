// `swat-eval bench`: throughput, latency and memory of models against length, depth, batch and window. stdout is the table.
import { benchOptions, benchSettingsOf, type BenchFlags } from '../bench-options.js';
import { options } from '../options.js';
import type { CommandDefinition } from '../program.js';

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
    const settings = flags.resume === undefined ? benchSettingsOf(flags) : null;
    const { benchMeasurement } = await import('../../bench/run-bench.js');
    const { formatBench } = await import('../../report/format-runs.js');
    const { writeBench } = await import('../../report/write-bench.js');
    const { runMeasurement } = await import('../run-measurement.js');
    await runMeasurement(benchMeasurement, settings, flags, interrupts, {
      save: writeBench,
      format: (records) => formatBench(records, flags.format),
      found: (benches) => ({ benches }),
    });
  });
};
