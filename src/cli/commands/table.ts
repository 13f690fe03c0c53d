// `swat-eval table RUN...`: finished runs side by side, in the form of a terminal table, Markdown, CSV, JSON or LaTeX.
import { Option } from 'commander';
import type { Command } from 'commander';
import { UserError } from '../../user-error.js';
import { options } from '../options.js';
import type { SharedFlags } from '../options.js';
import type { Found } from '../../report/read-run.js';

interface TableFlags extends Pick<SharedFlags, 'format'> {
  layout: 'long' | 'paper' | 'table2' | 'table3';
  published?: string[];
}

export const table = (program: Command): void => {
  program
    .command('table')
    .description('Print finished runs as one table.')
    .argument('[run...]', 'run directories, results.json files, or directories with runs below them')
    .addOption(options.format)
    .addOption(
      new Option(
        '--layout <name>',
        "a row for each metric, or for each model in the columns of the paper's Table 1 (accuracies), 2 (losses by length), or 3 (losses by activation and positions)",
      )
        .choices(['long', 'paper', 'table2', 'table3'])
        .default('long'),
    )
    .option('--published <name...>', 'published rows beside the runs, e.g. swat-340m titans-340m (layout paper)')
    .addOption(options.verbose)
    .action(async (places: string[], flags: TableFlags) => {
      process.stdout.write(await tableOf(places, flags));
    });
};

async function tableOf(places: readonly string[], { format, layout, published = [] }: TableFlags): Promise<string> {
  if (published.length > 0 && layout !== 'paper')
    throw new UserError('usage', '--published needs the columns of the paper', { hint: '--layout paper' });
  if (places.length === 0 && published.length === 0)
    throw new UserError('usage', 'no run is named', { hint: 'swat-eval table results' });
  const { readPlaces } = await import('../../report/read-run.js');
  const found = await readPlaces(places);
  const report = await import('../../report/format-runs.js');
  const where = places.join(', ');
  switch (layout) {
    case 'long':
      return longTables(found, format, where);
    case 'paper': {
      if (found.runs.length === 0 && published.length === 0)
        throw new UserError('usage', 'there is no evaluation for the columns of the paper', { where });
      const { publishedRows, readPublishedTables } = await import('../../report/published.js');
      const { readLeaders } = await import('../../report/read-leaders.js');
      const leaders = published.length > 0 ? null : await readLeaders(places);
      return report.formatPaper(found.runs, publishedRows(published, readPublishedTables()), format, leaders);
    }
    case 'table2':
      if (found.ppls.length === 0)
        throw new UserError('usage', 'there are no perplexities against length', { where, hint: 'swat-eval ppl' });
      return report.formatLengths(found.ppls, format);
    case 'table3': {
      const { ablationRows } = await import('../../report/ablation-rows.js');
      if (ablationRows(found.trainings, found.ppls).rows.length === 0)
        throw new UserError('usage', 'there is no training and no perplexity of a model of attention', {
          where,
          hint: 'swat-eval train, then swat-eval ppl',
        });
      return report.formatAblation(found, format);
    }
    default:
      return layout satisfies never;
  }
}

/** A table for each kind of run. @throws UserError 'usage' for several kinds in a format that has one header. */
async function longTables(
  { runs, benches, ppls, trainings }: Found,
  format: TableFlags['format'],
  where: string,
): Promise<string> {
  const { formatBench, formatLong, formatPpl, formatTraining } = await import('../../report/format-runs.js');
  const tables = [
    ...(runs.length > 0 ? [() => formatLong(runs, format)] : []),
    ...(ppls.length > 0 ? [() => formatPpl(ppls, format)] : []),
    ...(benches.length > 0 ? [() => formatBench(benches, format)] : []),
    ...(trainings.length > 0 ? [() => formatTraining(trainings, format)] : []),
  ];
  if (tables.length > 1 && isData(format))
    throw new UserError(
      'usage',
      'evaluations, perplexities against length, benchmarks and training runs have different columns',
      {
        where,
        hint: 'swat-eval table with the runs of one kind',
      },
    );
  return tables.map((table) => table()).join('\n');
}

/** Formats with one header for all rows. */
function isData(format: TableFlags['format']): boolean {
  return format === 'csv' || format === 'json';
}
