// What `check` can be told beside the options of other commands.
import { Option } from 'commander';
import type { Tolerances } from '../check/gate-tasks.js';
import { UserError } from '../user-error.js';
import { BACKENDS, type SharedFlags } from './options.js';

export interface CheckFlags extends Pick<
  SharedFlags,
  'dataDir' | 'cacheDir' | 'offline' | 'output' | 'quiet' | 'verbose' | 'progress' | 'color'
> {
  reference: string;
  backend?: SharedFlags['backend'];
  maxPplIncrease: number;
  maxAccDrop: number;
  maxSlowdown: number | null;
  format: 'table' | 'json';
  githubBenchmark?: string;
  junit?: string;
  update?: boolean;
}

export const checkOptions = {
  reference: new Option(
    '--reference <file>',
    'what to compare with, e.g. results/reference/mini.json',
  ).makeOptionMandatory(),
  maxPplIncrease: new Option('--max-ppl-increase <percent>', 'how much a perplexity may rise, relatively')
    .argParser((text: string) => percentOf('--max-ppl-increase', text))
    .default(0.005, '0.5%'),
  maxAccDrop: new Option('--max-acc-drop <points>', 'how much an accuracy may fall, in percentage points')
    .argParser((text: string) => percentOf('--max-acc-drop', text))
    .default(0.01, '1'),
  maxSlowdown: new Option('--max-slowdown <percent>', 'how much tokens a second may fall, relatively; none: any')
    .argParser((text: string) => (text === 'none' ? null : percentOf('--max-slowdown', text)))
    .default(0.1, '10%'),
  format: new Option('--format <name>', 'form of the report on stdout').choices(['table', 'json']).default('table'),
  githubBenchmark: new Option(
    '--github-benchmark <file>',
    'for github-action-benchmark: writes <file>-smaller.json and <file>-bigger.json',
  ),
  junit: new Option('--junit <file>', 'write a JUnit file'),
  update: new Option('--update', 'write the runs as the new reference, and show what it changes'),
  backend: new Option('--backend <name>', 'tensor engine, in place of that of the reference').choices(BACKENDS),
};

export function tolerancesOf({ maxPplIncrease, maxAccDrop, maxSlowdown }: CheckFlags): Tolerances {
  return { perplexityIncrease: maxPplIncrease, accuracyDrop: maxAccDrop, slowdown: maxSlowdown };
}

/** `0.5%` or `0.5` -> 0.005. @throws UserError 'usage' for what is no percentage from 0 to 100. */
function percentOf(flag: string, text: string): number {
  const [, digits] = /^\s*(\d+(?:\.\d+)?)\s*%?\s*$/.exec(text) ?? [];
  const percent = Number(digits);
  if (!(percent >= 0 && percent < 100))
    throw new UserError('usage', `${flag} needs a percentage from 0 to less than 100, such as 0.5%, not '${text}'`);
  return percent / 100;
}
