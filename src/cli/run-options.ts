// What `run` can be told beside the options of other commands, and how all of it becomes the settings of a run.
import { Option } from 'commander';
import type { RunSettings } from '../evaluate/run-settings.js';
import { UserError } from '../user-error.js';
import type { SharedFlags } from './options.js';
import { countParser } from './parse-count.js';

export interface RunFlags extends SharedFlags {
  fixtures?: boolean;
  fork: boolean;
  /** A run directory; true for the newest run. */
  resume?: string | true;
  logSamples: RunSettings['logSamples'];
  bootstrapIters: number;
  ci: number;
  metric?: RunSettings['extraMetrics'];
  plot?: boolean;
}

/** Those that not every task of their kind reports by itself. */
const METRICS: RunSettings['extraMetrics'] = ['acc_norm', 'acc_bytes', 'token_perplexity'];

export const runOptions = {
  fixtures: new Option('--fixtures', "the program's own few sentences in place of the benchmarks").conflicts('dataDir'),
  noFork: new Option('--no-fork', 'compute the context of a question anew for each of its choices'),
  resume: new Option('--resume [run]', 'go on with a run directory, or with the newest run, where it stopped'),
  logSamples: new Option('-s, --log-samples [detail]', 'what samples_<task>.jsonl hold: nothing, scores, or texts too')
    .choices(['none', 'scores', 'full'])
    .preset('full')
    .default('scores'),
  bootstrapIters: new Option(
    '--bootstrap-iters <n>',
    'replicates for the standard error of perplexities, 0: delta method',
  )
    .argParser(countParser('--bootstrap-iters', 0))
    .default(0),
  ci: new Option('--ci <level>', 'level of the confidence intervals').argParser(parseLevel).default(0.95),
  metric: new Option('--metric <name...>', "metrics to report beside the tasks' own, where a task has them").choices(
    METRICS,
  ),
  plot: new Option('--plot', 'draw the accuracies, as SVG and PNG'),
};

/** The flag that each setting comes from. */
const FLAGS: Readonly<Record<keyof RunSettings, keyof RunFlags>> = {
  models: 'model',
  tasks: 'task',
  fixtures: 'fixtures',
  dataDir: 'dataDir',
  cacheDir: 'cacheDir',
  offline: 'offline',
  allowPartial: 'allowPartial',
  backend: 'backend',
  dtype: 'dtype',
  tokenizer: 'tokenizer',
  limit: 'limit',
  batchSize: 'batchSize',
  fork: 'fork',
  maxLength: 'maxLength',
  bos: 'bos',
  seed: 'seed',
  logSamples: 'logSamples',
  bootstrapIterations: 'bootstrapIters',
  confidence: 'ci',
  extraMetrics: 'metric',
};

/** @throws UserError 'usage' when no model is named, or one twice. */
export function runSettingsOf(flags: RunFlags): RunSettings {
  const models = flags.model ?? [];
  if (models.length === 0)
    throw new UserError('usage', 'no model is named', {
      hint: '--model with a checkpoint (directory, or name of `swat-eval ls checkpoints`), or random weights: swat:tiny,seed=1',
    });
  const twice = models.find((model, index) => models.indexOf(model) < index);
  if (twice !== undefined) throw new UserError('usage', `--model ${twice} is given twice`);
  return settingsOf(flags, models);
}

/** The settings that were given on the command line, for a run that goes on: `isGiven` tells them from defaults. */
export function givenSettings(flags: RunFlags, isGiven: (flag: keyof RunFlags) => boolean): Partial<RunSettings> {
  const all = Object.entries(settingsOf(flags, flags.model ?? []));
  return Object.fromEntries(all.filter(([setting]) => isGiven(FLAGS[setting as keyof RunSettings])));
}

function settingsOf(flags: RunFlags, models: string[]): RunSettings {
  return {
    models,
    tasks: flags.task ?? ['commonsense'],
    fixtures: flags.fixtures ?? false,
    dataDir: flags.dataDir ?? null,
    cacheDir: flags.cacheDir ?? null,
    offline: flags.offline ?? false,
    allowPartial: flags.allowPartial ?? false,
    backend: flags.backend,
    dtype: flags.dtype,
    tokenizer: flags.tokenizer ?? null,
    limit: flags.limit ?? null,
    batchSize: flags.batchSize,
    fork: flags.fork,
    maxLength: flags.maxLength ?? null,
    bos: flags.bos,
    seed: flags.seed,
    logSamples: flags.logSamples,
    bootstrapIterations: flags.bootstrapIters,
    confidence: flags.ci,
    extraMetrics: flags.metric ?? [],
  };
}

function parseLevel(text: string): number {
  const level = Number(text);
  if (text.trim() === '' || !(level > 0 && level < 1))
    throw new UserError('usage', `--ci needs a level between 0 and 1, such as 0.95, not '${text}'`);
  return level;
}
