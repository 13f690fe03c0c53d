// `swat-eval plot RUN...`: the figures of finished runs, as SVG and PNG.
import type { Command } from 'commander';
import { UserError } from '../../user-error.js';
import { besideRun } from '../beside-run.js';
import { options } from '../options.js';

export const plot = (program: Command): void => {
  program
    .command('plot')
    .description('Draw finished runs: accuracy, recall, perplexity, losses, throughput, memory and latency.')
    .argument('<run...>', 'run directories, results.json files, or directories with runs below them')
    .option('-o, --output <dir>', 'directory for plots/ (default: the run, if one is given, else results)')
    .addOption(options.verbose)
    .action(async (places: string[], flags: { output?: string }) => {
      const { readPlaces } = await import('../../report/read-run.js');
      const found = await readPlaces(places);
      const { failureRemarks } = await import('../../report/read-training.js');
      for (const remark of failureRemarks(found.trainings)) process.stderr.write(`${remark}\n`);
      const { writePlots } = await import('../../report/write-plots.js');
      const files = await writePlots(found, flags.output ?? besideRun(places));
      if (files.length === 0)
        throw new UserError('data', 'the runs hold no accuracy, no two lengths and no two losses to draw', {
          where: places.join(', '),
        });
      process.stdout.write(`${files.join('\n')}\n`);
    });
};
