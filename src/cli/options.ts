// The one table of options that several commands share. A command adds those it needs; what they parse to is `SharedFlags`.
// Names are kebab-case; lm-evaluation-harness's spellings are accepted too (normalize-arguments.ts).
import { Option } from 'commander';
import { UserError } from '../user-error.js';
import { countParser } from './parse-count.js';

export const BACKENDS = ['auto', 'webgpu', 'tensorflow', 'wasm', 'cpu'] as const;
export const DTYPES = ['f32', 'f16'] as const;
export const BOS_POLICIES = ['auto', 'always', 'never'] as const;
export const FORMATS = ['table', 'md', 'csv', 'json', 'latex'] as const;

/** How many rows go through the model at once: a number of rows, of tokens, or what the engine's memory allows. */
export type BatchSize =
  | { readonly kind: 'rows'; readonly rows: number }
  | { readonly kind: 'tokens'; readonly tokens: number }
  | { readonly kind: 'auto' };

/** Parsed values by commander's attribute name. An option without default is absent unless given. */
export interface SharedFlags {
  model?: string[];
  task?: string[];
  dataDir?: string;
  cacheDir?: string;
  offline?: boolean;
  allowPartial?: boolean;
  tokenizer?: string;
  backend: (typeof BACKENDS)[number];
  dtype: (typeof DTYPES)[number];
  /** First documents of each task: a count from 1 on, or a fraction below 1 (rounded up), as lm-eval reads it. */
  limit?: number;
  batchSize: BatchSize;
  maxLength?: number;
  bos: (typeof BOS_POLICIES)[number];
  seed: number;
  output: string;
  format: (typeof FORMATS)[number];
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
  progress: boolean;
  color: boolean;
}

export const options = {
  model: new Option(
    '-m, --model <spec>',
    'name of a shipped checkpoint, checkpoint directory, or baseline:size[,key=value...] for seeded random weights; ' +
      'run: also ngram:5, trained on the embedded text (repeatable)',
  ).argParser((value: string, previous: string[] = []) => [...previous, value]),
  task: new Option(
    '-t, --task <names>',
    'tasks, aliases or groups, with commas between them (repeatable; default: commonsense)',
  ).argParser((value: string, previous: string[] = []) => [...previous, ...namesOf(value)]),
  dataDir: new Option('--data-dir <dir>', 'directory with the benchmark files (else $SWAT_EVAL_DATA, else the cache)'),
  cacheDir: new Option('--cache-dir <dir>', 'where downloads and encoded documents are kept (else $SWAT_EVAL_CACHE)'),
  offline: new Option('--offline', 'never use the network'),
  allowPartial: new Option('--allow-partial', 'run on data that is not the whole benchmark, and label the results so'),
  tokenizer: new Option(
    '--tokenizer <path>',
    "tokenizer file or directory, or `bytes`, in place of the checkpoint's own",
  ),
  backend: new Option('--backend <name>', 'tensor engine').choices(BACKENDS).default('auto'),
  dtype: new Option('--dtype <type>', 'precision of the weights').choices(DTYPES).default('f32'),
  limit: new Option('-L, --limit <n>', 'only the first n documents of each task, or a fraction such as 0.1').argParser(
    parseLimit,
  ),
  batchSize: new Option('-b, --batch-size <n>', 'rows a batch, auto, or tokens:N')
    .argParser(parseBatchSize)
    .default({ kind: 'auto' } satisfies BatchSize, 'auto'),
  maxLength: new Option('--max-length <tokens>', "longest input, in place of the model's own").argParser(
    countParser('--max-length'),
  ),
  bos: new Option('--bos <policy>', 'whether a text starts with the BOS token').choices(BOS_POLICIES).default('auto'),
  seed: new Option('--seed <n>', 'seed of random weights and of resampling').argParser(parseSeed).default(0),
  output: new Option('-o, --output <dir>', 'where run directories are written').default('results'),
  format: new Option('--format <name>', 'form of the table on stdout').choices(FORMATS).default('table'),
  json: new Option('--json', 'print JSON'),
  quiet: new Option('-q, --quiet', 'no progress and no remarks on stderr'),
  verbose: new Option('-v, --verbose', 'show where an error happened'),
  noProgress: new Option('--no-progress', 'no progress on stderr'),
  noColor: new Option('--no-color', 'no colours (as with the variable NO_COLOR)'),
};

/** @throws UserError 'usage' for an empty name, as a comma too many makes. */
function namesOf(list: string): string[] {
  const names = list.split(',').map((name) => name.trim());
  if (names.includes('')) throw new UserError('usage', `--task has an empty name in '${list}'`);
  return names;
}

function parseLimit(text: string): number {
  const value = Number(text);
  const valid = text.trim() !== '' && value > 0 && (value < 1 || Number.isSafeInteger(value));
  if (!valid)
    throw new UserError(
      'usage',
      `--limit needs a whole number of documents or a fraction between 0 and 1, not '${text}'`,
    );
  return value;
}

function parseBatchSize(text: string): BatchSize {
  if (text === 'auto') return { kind: 'auto' };
  if (text.startsWith('tokens:'))
    return { kind: 'tokens', tokens: countParser('--batch-size tokens:')(text.slice('tokens:'.length)) };
  return { kind: 'rows', rows: countParser('--batch-size')(text) };
}

/** One seed; of lm-evaluation-harness's four (`0,1234,1234,1234`) the first. */
function parseSeed(text: string): number {
  if (!/^\d+(,(\d+|None))*$/.test(text)) throw new UserError('usage', `--seed needs a whole number, not '${text}'`);
  return countParser('--seed', 0)(text.split(',', 1)[0]!);
}
