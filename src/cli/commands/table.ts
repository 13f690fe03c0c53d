// `swat-eval table RUN...`: finished runs side by side, in the form of a terminal table, Markdown, CSV, JSON or LaTeX.
import { Option } from 'commander';
import type { Command } from 'commander';
import type { Leaders } from '../../metrics/best.js';
import { UserError } from '../../user-error.js';
import { options } from '../options.js';
import type { SharedFlags } from '../options.js';

interface TableFlags extends Pick<SharedFlags, 'format'> {
  layout: 'long' | 'paper';
  published?: string[];
}

export const table = (program: Command): void => {
  program
    .command('table')
    .description('Print finished runs as one table.')
    .argument('[run...]', 'run directories, results.json files, or directories with runs below them')
    .addOption(options.format)
    .addOption(
      new Option('--layout <name>', 'a row for each metric, or for each model in the columns of the paper')
        .choices(['long', 'paper'])
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
  const { runs, benches, trainings } = await readPlaces(places);
  const { formatBench, formatLong, formatPaper, formatTraining } = await import('../../report/format-runs.js');
  const kinds = [runs, benches, trainings].filter(({ length }) => length > 0).length;
  if ((kinds > 1 && isData(format)) || (layout === 'paper' && benches.length + trainings.length > 0))
    throw new UserError('usage', 'evaluations, benchmarks and training runs have different columns', {
      where: places.join(', '),
      hint: 'swat-eval table with the runs of one kind',
    });
  if (benches.length + trainings.length > 0)
    return [
      ...(runs.length > 0 ? [formatLong(runs, format)] : []),
      ...(benches.length > 0 ? [formatBench(benches, format)] : []),
      ...(trainings.length > 0 ? [formatTraining(trainings, format)] : []),
    ].join('\n');
  if (layout === 'long') return formatLong(runs, format);
  const { publishedRows, readPublishedTables } = await import('../../report/published.js');
  const leaders = published.length > 0 || runs.length < 2 ? null : await leadersOf(places);
  return formatPaper(runs, publishedRows(published, readPublishedTables()), format, leaders);
}

/** Which of the runs are the best of their columns, in the order of `readPlaces`. */
async function leadersOf(places: readonly string[]): Promise<Leaders[]> {
  const { placesByKind } = await import('../../report/read-run.js');
  const { readSampledRun } = await import('../../report/read-samples.js');
  const { paperLeaders } = await import('../../report/paper-leaders.js');
  const { runs } = await placesByKind(places);
  return paperLeaders(await Promise.all(runs.map(readSampledRun)));
}

/** Formats with one header for all rows. */
function isData(format: TableFlags['format']): boolean {
  return format === 'csv' || format === 'json';
}
