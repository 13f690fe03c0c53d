// `swat-eval compare A B...`: which of the runs' differences are more than chance.
import type { Command } from 'commander';
import { UserError } from '../../user-error.js';
import { options, type SharedFlags } from '../options.js';

export const compare = (program: Command): void => {
  program
    .command('compare')
    .description(
      'Compare runs, of tasks or of `ppl`, with the first one, document by document: paired tests, intervals, what could be seen.',
    )
    .argument('<run...>', 'run directories, results.json files, or directories with runs below them; at least two runs')
    .addOption(options.format)
    .addOption(options.verbose)
    .action(async (places: string[], { format }: Pick<SharedFlags, 'format'>) => {
      const { placesByKind } = await import('../../report/read-run.js');
      const { readPplRecord } = await import('../../perplexity/ppl-record.js');
      const { readSampledRun } = await import('../../report/read-samples.js');
      const { compareRuns } = await import('../../check/compare.js');
      const { comparePpls } = await import('../../check/compare-ppl.js');
      const { compareTable } = await import('../../check/compare-table.js');
      const { formatTable } = await import('../../report/format-runs.js');
      const { runs, ppls } = await placesByKind(places);
      if (runs.length + ppls.length < 2)
        throw new UserError('usage', 'a comparison needs two runs', {
          where: places.join(', '),
          hint: 'swat-eval compare results/A/RUN results/B/RUN',
        });
      if (runs.length > 0 && ppls.length > 0)
        throw new UserError('usage', 'evaluations and perplexities are compared apart', { where: places.join(', ') });
      const comparisons =
        runs.length > 0
          ? compareRuns(await Promise.all(runs.map(readSampledRun)))
          : comparePpls(ppls.map(readPplRecord));
      process.stdout.write(formatTable(compareTable(comparisons), format));
    });
};
