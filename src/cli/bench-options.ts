// What `bench` can be told, in llama-bench's grammar, and how it becomes the settings of a benchmark.
import { Option } from 'commander';
import type { BenchSettings } from '../bench/bench-record.js';
import { UserError } from '../user-error.js';
import type { SharedFlags } from './options.js';
import { countParser } from './parse-count.js';
import { batchesParser, lengthsParser, pairsParser, windowsParser } from './parse-lengths.js';

export interface BenchFlags extends Pick<
  SharedFlags,
  'model' | 'backend' | 'dtype' | 'seed' | 'output' | 'format' | 'quiet' | 'progress'
> {
  nPrompt?: number[];
  nGen?: number[];
  pg?: [number, number][];
  nDepth?: number[];
  batchSize?: (number | `tokens:${number}`)[];
  window?: (number | 'full')[];
  train?: boolean;
  repetitions: number;
  readEvery: number;
  /** A run directory; true for the newest benchmark. */
  resume?: string | true;
  plot?: boolean;
}

/** llama-bench's. An option that collects values has no default of commander's, which the first value would be added to. */
const DEFAULTS = { prompts: [512], generated: [128], depths: [0], batches: [1] } as const;

export const benchOptions = {
  nPrompt: new Option(
    '-p, --n-prompt <n>',
    'prompt lengths, such as 512,1k or 512-16k*2 (default: 512, 0: none)',
  ).argParser(lengthsParser('--n-prompt', 0)),
  nGen: new Option('-g, --n-gen <n>', 'numbers of tokens to decode (default: 128, 0: none)').argParser(
    lengthsParser('--n-gen', 0),
  ),
  pg: new Option('--pg <n,n>', 'a prompt and then tokens decoded, as one test (repeatable)').argParser(
    pairsParser('--pg'),
  ),
  nDepth: new Option('-d, --n-depth <n>', 'tokens of context before the test begins (default: 0)').argParser(
    lengthsParser('--n-depth', 0),
  ),
  batchSize: new Option('-b, --batch-size <n>', 'rows at once, or tokens:N to fill N tokens (default: 1)').argParser(
    batchesParser('--batch-size'),
  ),
  window: new Option('-w, --window <n>', "attention windows, or full (default: the model's own)").argParser(
    windowsParser('--window'),
  ),
  train: new Option('--train', 'training steps (forward, backward, AdamW) of the prompt lengths, too'),
  repetitions: new Option('-r, --repetitions <n>', 'times that each test is repeated, behind a warm-up')
    .argParser(countParser('--repetitions'))
    .default(5),
  readEvery: new Option('--read-every <n>', 'decoded tokens that stay on the device before they are read')
    .argParser(countParser('--read-every'))
    .default(32),
  resume: new Option('--resume [run]', 'go on with a run directory, or with the newest benchmark, where it stopped'),
  plot: new Option('--plot', 'draw throughput, memory and latency, as SVG and PNG'),
};

/** @throws UserError 'usage' when no model is named, one twice, or there is nothing to measure. */
export function benchSettingsOf(flags: BenchFlags): BenchSettings {
  const models = flags.model ?? [];
  if (models.length === 0)
    throw new UserError('usage', 'no model is named', {
      hint: '--model with a checkpoint (directory, or name of `swat-eval ls checkpoints`), or random weights: swat:tiny,seed=1',
    });
  const twice = models.find((model, index) => models.indexOf(model) < index);
  if (twice !== undefined) throw new UserError('usage', `--model ${twice} is given twice`);
  const prompts = flags.nPrompt ?? [...DEFAULTS.prompts];
  const generated = flags.nGen ?? [...DEFAULTS.generated];
  const pairs = flags.pg ?? [];
  if (pairs.length === 0 && ![...prompts, ...generated].some((length) => length > 0))
    throw new UserError('usage', 'there is nothing to measure: --n-prompt and --n-gen are 0');
  if (flags.train === true && prompts.every((length) => length === 0))
    throw new UserError('usage', '--train has no lengths: --n-prompt is 0', { hint: '--n-prompt 2048' });
  if (OUTPUT_FORMATS.has(flags.output))
    throw new UserError('usage', `-o is the directory for the results, not a format as in llama-bench`, {
      hint: `--format ${flags.output === 'md' ? 'md' : flags.output === 'csv' ? 'csv' : 'json'}`,
    });
  return {
    models,
    backend: flags.backend,
    dtype: flags.dtype,
    seed: flags.seed,
    prompts,
    generated,
    pairs,
    depths: flags.nDepth ?? [...DEFAULTS.depths],
    batches: flags.batchSize ?? [...DEFAULTS.batches],
    windows: flags.window ?? null,
    train: flags.train ?? false,
    repetitions: flags.repetitions,
    readEvery: flags.readEvery,
  };
}

/** What llama-bench's own -o takes. */
const OUTPUT_FORMATS = new Set(['csv', 'json', 'jsonl', 'md', 'sql']);
