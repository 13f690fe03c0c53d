// `swat-eval report RUN...`: every table and figure of finished runs on one self-contained page. stdout is its path.
import path from 'node:path';
import type { Command } from 'commander';
import { besideRun } from '../beside-run.js';
import { options } from '../options.js';

export const report = (program: Command): void => {
  program
    .command('report')
    .description('Write one self-contained HTML page with every table and figure of finished runs.')
    .argument('<run...>', 'run directories, results.json files, or directories with runs below them')
    .option('-o, --output <file>', 'the page (default: report.html in the run, if one is given, else in results)')
    .option('--title <text>', 'its heading', 'swat-eval report')
    .addOption(options.verbose)
    .action(async (places: string[], flags: { output?: string; title: string }) => {
      const { readPlaces } = await import('../../report/read-run.js');
      const { writeReport } = await import('../../report/write-report.js');
      const file = flags.output ?? path.join(besideRun(places), 'report.html');
      const { readLeaders } = await import('../../report/read-leaders.js');
      const leaders = await readLeaders(places);
      await writeReport(await readPlaces(places), file, { title: flags.title, written: new Date(), leaders });
      process.stdout.write(`${file}\n`);
    });
};
