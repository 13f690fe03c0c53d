// `swat-eval train`: the models of a recipe, trained one after the other. stdout is a table of what came of them.
import { Option } from 'commander';
import type { TrainingOutcome } from '../../train/run-training.js';
import { formatError, UserError } from '../../user-error.js';
import type { Interrupts } from '../interrupts.js';
import { options } from '../options.js';
import type { SharedFlags } from '../options.js';
import type { CommandDefinition } from '../program.js';
import { shellWord } from '../shell-word.js';

interface TrainFlags extends Pick<SharedFlags, 'dataDir' | 'cacheDir' | 'output' | 'format' | 'quiet' | 'progress'> {
  config?: string;
  set?: string[];
  /** A run directory; true for the newest training. */
  resume?: string | true;
  plot?: boolean;
}

const trainOptions = {
  config: new Option('-c, --config <file>', 'the recipe, in YAML'),
  set: new Option('--set <key=value>', 'a setting of the recipe, such as optimizer.lr=1e-3 (repeatable)').argParser(
    (value: string, previous: string[] = []) => [...previous, value],
  ),
  dataDir: new Option('--data-dir <dir>', "what the file names of data start from (default: the recipe's directory)"),
  resume: new Option(
    '--resume [run]',
    'go on with a run directory, or with the newest training, from its last checkpoint',
  ),
  plot: new Option('--plot', 'draw the losses, as SVG and PNG'),
};

export const train: CommandDefinition = (program, interrupts) => {
  const command = program.command('train').description('Train models by a recipe.').addHelpText('after', EXAMPLE);
  for (const option of [
    trainOptions.config,
    trainOptions.set,
    trainOptions.dataDir,
    options.cacheDir,
    options.output,
    trainOptions.resume,
    options.format,
    trainOptions.plot,
    options.quiet,
    options.verbose,
    options.noProgress,
    options.noColor,
  ])
    command.addOption(option);
  command.action(async (flags: TrainFlags) => {
    const remark = flags.quiet === true ? () => {} : (sentence: string) => void process.stderr.write(`${sentence}\n`);
    const outcomes = await runTraining(flags, interrupts, remark);
    const finished = outcomes.flatMap((outcome) => (outcome.status === 'complete' ? [outcome] : []));
    const { readTraining } = await import('../../report/read-training.js');
    const runs = finished.map(({ directory }) => readTraining(directory));
    if (runs.length > 0) {
      const { formatTraining } = await import('../../report/format-runs.js');
      process.stdout.write(formatTraining(runs, flags.format));
    }
    if (flags.plot === true && runs.length > 0) {
      const { writePlots } = await import('../../report/write-plots.js');
      const place = runs.length > 1 ? flags.output : finished[0]!.directory;
      for (const file of await writePlots({ trainings: runs }, place)) remark(file);
    }
    for (const { final } of finished) remark(final);
    reportUnfinished(outcomes);
  });
};

async function runTraining(
  flags: TrainFlags,
  interrupts: Interrupts,
  log: (sentence: string) => void,
): Promise<TrainingOutcome[]> {
  const { config: file, resume, output } = flags;
  const path = await import('node:path');
  const { readTrainConfig } = await import('../../train/read-config.js');
  const config = file === undefined ? null : await readTrainConfig(file, flags.set ?? []);
  if (config === null && resume === undefined)
    throw new UserError('usage', 'no recipe is named', { hint: '--config FILE, or --resume to go on with a training' });
  if (config === null && flags.set !== undefined)
    throw new UserError('usage', '--set changes a recipe, and a run that goes on keeps its own', {
      hint: 'a new run: --config FILE without --resume',
    });
  const { createTrainEnvironment } = await import('../training-environment.js');
  const { terminalProgress } = await import('../progress.js');
  const { LATEST, resumeTraining, startTraining } = await import('../../train/run-training.js');
  const environment = createTrainEnvironment(terminalProgress(flags), interrupts, log, flags.cacheDir);
  const dataDir = flags.dataDir === undefined ? null : path.resolve(flags.dataDir);
  if (resume === undefined) {
    const recipe = path.resolve(path.dirname(file!));
    return startTraining(config!, { recipe, data: dataDir ?? recipe }, output, environment);
  }
  const { resolveRun } = await import('../../evaluate/run-directory.js');
  const directory = resolveRun(resume === true ? null : resume, output, LATEST);
  const given = { ...(config === null ? {} : { config }), ...(dataDir === null ? {} : { dataDir }) };
  return resumeTraining(directory, given, environment);
}

/** @throws UserError 'interrupted' with the command that goes on; what stopped the one model there is; 'partial' for some of several. */
function reportUnfinished(outcomes: readonly TrainingOutcome[]): void {
  const failed = outcomes.flatMap((outcome) => (outcome.status === 'failed' ? [outcome] : []));
  const stopped = outcomes.find(({ status }) => status === 'interrupted');
  const goOn = (directory: string) => `swat-eval train --resume ${shellWord(directory)}`;
  if (failed.length === 1 && outcomes.length === 1) throw failed[0]!.error;
  for (const { name, error } of failed) process.stderr.write(`${name}: ${formatError(error)}\n`);
  if (stopped !== undefined && failed.length === 0)
    throw new UserError('interrupted', 'interrupted; a checkpoint of the last step is kept', {
      hint: goOn(stopped.directory),
    });
  if (failed.length > 0)
    throw new UserError('partial', `${failed.length} of ${outcomes.length} models were not trained`, {
      hint: goOn(failed[0]!.directory),
    });
}

const EXAMPLE = `
A recipe:
  model: swat:tiny                  # or several by name, under one budget
  tokenizer: bytes
  data: corpus.txt                  # text, .jsonl, either with .gz; a list; or generator: NAME
  validation: { data: held-out.txt, lengths: [256, 1024] }
  sequence_length: 256
  batch_size: 8
  steps: 1000
  optimizer: { lr: 1.0e-3 }`;
