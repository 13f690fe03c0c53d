// `swat-eval sweep FILE`: train, run, ppl and bench over a grid, each cell a process of its own, into one results tree.
import { Option } from 'commander';
import type { SweepRecord } from '../../sweep/sweep-record.js';
import { UserError } from '../../user-error.js';
import type { Interrupts } from '../interrupts.js';
import { options } from '../options.js';
import { countParser } from '../parse-count.js';
import type { CommandDefinition } from '../program.js';
import { shellWord } from '../shell-word.js';

interface SweepFlags {
  set: string[];
  dataDir?: string;
  only?: string[];
  jobs?: number;
  launcher?: string;
  output?: string;
  resume?: boolean;
  replace?: boolean;
  quiet?: boolean;
}

export const sweep: CommandDefinition = (program, interrupts) => {
  program
    .command('sweep')
    .description('Run the cells of a grid (train, run, ppl, bench) into one results tree, and draw it.')
    .argument('<file>', 'YAML file with the steps')
    .addOption(
      new Option('--set <name=value>', "change one of the file's variables, or its scale (repeatable)")
        .argParser((value: string, previous: string[]) => [...previous, value])
        .default([], 'none'),
    )
    .addOption(
      new Option('--only <steps>', 'steps to run now, by name, separated by commas (default: all)').argParser(
        (value: string) => value.split(','),
      ),
    )
    .addOption(options.dataDir)
    .addOption(
      new Option('-j, --jobs <n>', "cells at a time (default: the file's, else 1)").argParser(countParser('--jobs')),
    )
    .option(
      '--launcher <command>',
      'what starts each cell, with {job} for the number of its job, from 0: a GPU for each (no quotes in it)',
    )
    .option('-o, --output <dir>', "root of the results tree (default: results/ and the file's name)")
    .option('--resume', 'go on with the sweep in the tree: what is done stays')
    .option('--replace', 'do the sweep in the tree again')
    .addOption(options.quiet)
    .addOption(options.verbose)
    .action(async (file: string, flags: SweepFlags) => {
      const tree = flags.output ?? (await defaultTree(file));
      const record = await sweepInto(tree, file, flags, interrupts);
      const resume = `swat-eval sweep ${shellWord(file)} --output ${shellWord(tree)} --resume`;
      if (interrupts.received() !== null)
        throw new UserError('interrupted', 'interrupted; what was done is kept', { hint: resume });
      for (const file of await drawTree(tree, record)) process.stdout.write(`${file}\n`);
      reportFailures(record, flags.only, resume);
    });
};

async function defaultTree(file: string): Promise<string> {
  const { default: path } = await import('node:path');
  return path.join('results', path.parse(file).name);
}

async function sweepInto(tree: string, file: string, flags: SweepFlags, interrupts: Interrupts): Promise<SweepRecord> {
  if (flags.resume === true && flags.replace === true)
    throw new UserError('usage', '--resume and --replace contradict each other', { hint: 'one of them' });
  const { planSweep } = await import('../../sweep/plan-sweep.js');
  const { runSweep } = await import('../../sweep/run-sweep.js');
  const { readBuildInfo } = await import('../../package-root.js');
  const { createCellStarter } = await import('../start-cell.js');
  const { lastValidationLoss } = await import('../../sweep/validation-loss.js');
  const dataDir = flags.dataDir ?? process.env.SWAT_EVAL_DATA;
  const plan = planSweep(file, flags.set, tree, { dataDir, jobs: flags.jobs, only: flags.only });
  return runSweep(plan, flags.resume === true ? 'resume' : flags.replace === true ? 'replace' : 'refuse', {
    start: createCellStarter(plan.sweep.jobs, dataDir, wordsOf(flags.launcher)),
    validationLoss: lastValidationLoss,
    log: flags.quiet === true ? () => {} : (sentence) => void process.stderr.write(`${sentence}\n`),
    now: () => new Date(),
    clock: () => performance.now(),
    signal: interrupts.signal(),
    build: readBuildInfo(),
  });
}

/** @throws UserError 'usage' for quotes: a script takes their place. */
function wordsOf(launcher = ''): string[] {
  if (/['"\\]/.test(launcher))
    throw new UserError('usage', `--launcher has quotes: ${launcher}`, {
      hint: 'put them into a script that is started',
    });
  return launcher.split(' ').filter((word) => word !== '');
}

/** The figures of all runs in the tree, and, last, the page with every table and figure. */
async function drawTree(tree: string, { title, cells }: SweepRecord): Promise<string[]> {
  if (cells.every(({ runs }) => runs.length === 0)) return [];
  const { default: path } = await import('node:path');
  const { readLeaders } = await import('../../report/read-leaders.js');
  const { readPlaces } = await import('../../report/read-run.js');
  const { writePlots } = await import('../../report/write-plots.js');
  const { writeReport } = await import('../../report/write-report.js');
  const found = await readPlaces([tree]);
  const plots = await writePlots(found, tree);
  const page = path.join(tree, 'report.html');
  await writeReport(found, page, { title, written: new Date(), leaders: await readLeaders([tree]) });
  return [...plots, page];
}

/** @throws UserError 'partial' when not all cells that were asked for are done. */
function reportFailures({ cells: all }: SweepRecord, only: string[] | undefined, resume: string): void {
  const cells = all.filter(({ step }) => only?.includes(step) ?? true);
  const bad = cells.filter(({ status }) => status !== 'done');
  if (bad.length === 0) return;
  for (const { id, status, failure } of bad)
    process.stderr.write(`${id}: ${status}${failure === null ? '' : `: ${failure}`}\n`);
  throw new UserError('partial', `${bad.length} of ${cells.length} cells are not whole; the others are written`, {
    hint: `log.txt in the folder of a cell says more; then ${resume}`,
  });
}
