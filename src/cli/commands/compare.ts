// `swat-eval compare A B...`: which of the runs' differences are more than chance.
import type { Command } from 'commander';
import { UserError } from '../../user-error.js';
import { options, type SharedFlags } from '../options.js';

export const compare = (program: Command): void => {
  program
    .command('compare')
    .description('Compare runs with the first one, document by document: paired tests, intervals, what could be seen.')
    .argument('<run...>', 'run directories, results.json files, or directories with runs below them; at least two runs')
    .addOption(options.format)
    .addOption(options.verbose)
    .action(async (places: string[], { format }: Pick<SharedFlags, 'format'>) => {
      const { placesByKind } = await import('../../report/read-run.js');
      const { readSampledRun } = await import('../../report/read-samples.js');
      const { compareRuns } = await import('../../check/compare.js');
      const { compareTable } = await import('../../check/compare-table.js');
      const { formatTable } = await import('../../report/format-runs.js');
      const { runs } = await placesByKind(places);
      if (runs.length < 2)
        throw new UserError('usage', 'a comparison needs two runs', {
          where: places.join(', '),
          hint: 'swat-eval compare results/A/RUN results/B/RUN',
        });
      const comparisons = compareRuns(await Promise.all(runs.map(readSampledRun)));
      process.stdout.write(formatTable(compareTable(comparisons), format));
    });
};
