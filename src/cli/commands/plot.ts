// `swat-eval plot RUN...`: the figures of finished runs, as SVG and PNG.
import path from 'node:path';
import type { Command } from 'commander';
import { UserError } from '../../user-error.js';
import { options } from '../options.js';

export const plot = (program: Command): void => {
  program
    .command('plot')
    .description(
      'Draw finished runs: accuracies with confidence intervals and chance; throughput, memory and latency; losses.',
    )
    .argument('<run...>', 'run directories, results.json files, or directories with runs below them')
    .option('-o, --output <dir>', 'directory for plots/ (default: the run, if one is given, else results)')
    .addOption(options.verbose)
    .action(async (places: string[], flags: { output?: string }) => {
      const { readPlaces } = await import('../../report/read-run.js');
      const { runs, benches, trainings } = await readPlaces(places);
      const { writeBenchPlots, writePlots, writeTrainingPlots } = await import('../../report/write-plots.js');
      const directory = flags.output ?? besideRun(places);
      const files = [
        ...(await writePlots(runs, directory)),
        ...(await writeBenchPlots(benches, directory)),
        ...(await writeTrainingPlots(trainings, directory)),
      ];
      if (files.length === 0)
        throw new UserError('data', 'the runs hold no accuracy, no two lengths and no two losses to draw', {
          where: places.join(', '),
        });
      process.stdout.write(`${files.join('\n')}\n`);
    });
};

function besideRun(places: readonly string[]): string {
  const [place, ...others] = places;
  if (place === undefined || others.length > 0) return 'results';
  return place.endsWith('.json') ? path.dirname(place) : place;
}
