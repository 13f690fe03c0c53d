// What `ppl` can be told beside the options of other commands, and how it becomes the settings of a run.
import { Option } from 'commander';
import type { PplSettings } from '../perplexity/ppl-record.js';
import { UserError } from '../user-error.js';
import type { SharedFlags } from './options.js';
import { countParser } from './parse-count.js';
import { lengthsParser, windowsParser } from './parse-lengths.js';

export interface PplFlags extends SharedFlags {
  text?: string;
  lengths?: number[];
  window?: (number | 'full')[];
  tokens?: number;
  byPosition?: boolean;
  fixtures?: boolean;
  ci: number;
  /** A run directory; true for the newest run of `ppl`. */
  resume?: string | true;
  plot?: boolean;
}

/** The lengths of the SWAT paper's Table 2. */
const LENGTHS = [128, 1024, 4096, 16384];

export const pplOptions = {
  text: new Option(
    '-x, --text <text>',
    'a text file, JSON lines with a field "text", generator:NAME, or a rolling task',
  ),
  lengths: new Option(
    '-l, --lengths <n>',
    'evaluation lengths, such as 128,1k-16k*4 (default: 128,1k,4k,16k)',
  ).argParser(lengthsParser('--lengths')),
  window: new Option(
    '-w, --window <n>',
    "evaluation windows, or full, of models with windowed attention (default: the model's own)",
  ).argParser(windowsParser('--window')),
  tokens: new Option('--tokens <n>', 'only the first n tokens of the text').argParser(countParser('--tokens')),
  byPosition: new Option('--by-position', 'print losses by how many tokens come before the predicted one'),
  resume: new Option('--resume [run]', 'go on with a run directory, or with the newest run of ppl, where it stopped'),
  plot: new Option('--plot', 'draw perplexity against length, position and window, as SVG and PNG'),
};

/** @throws UserError 'usage' when no model or no text is named, or a model twice. */
export function pplSettingsOf(flags: PplFlags): PplSettings {
  const models = flags.model ?? [];
  if (models.length === 0)
    throw new UserError('usage', 'no model is named', {
      hint: '--model with a checkpoint directory, or random weights such as swat:tiny,seed=1',
    });
  const twice = models.find((model, index) => models.indexOf(model) < index);
  if (twice !== undefined) throw new UserError('usage', `--model ${twice} is given twice`);
  if (flags.text === undefined)
    throw new UserError('usage', 'no text is named', { hint: '--text with a text file, or a task such as wikitext' });
  return {
    models,
    text: flags.text,
    lengths: flags.lengths ?? LENGTHS,
    windows: flags.window ?? null,
    tokens: flags.tokens ?? null,
    tokenizer: flags.tokenizer ?? null,
    backend: flags.backend,
    dtype: flags.dtype,
    seed: flags.seed,
    confidence: flags.ci,
    fixtures: flags.fixtures ?? false,
    dataDir: flags.dataDir ?? null,
    cacheDir: flags.cacheDir ?? null,
    offline: flags.offline ?? false,
    allowPartial: flags.allowPartial ?? false,
  };
}
