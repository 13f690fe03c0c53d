// `swat-eval tokenizer train`: a byte-level BPE vocabulary from text. stdout is the file's path, stderr what happens.
import { Option } from 'commander';
import type { Command } from 'commander';
import type { Corpus } from '../../train/train-tokenizer.js';
import type { Tokenizer } from '../../tokenizers/tokenizer.js';
import { UserError } from '../../user-error.js';
import { options } from '../options.js';
import type { SharedFlags } from '../options.js';
import { countParser } from '../parse-count.js';
import { terminalProgress } from '../progress.js';

interface TokenizerFlags extends Pick<SharedFlags, 'seed' | 'quiet' | 'progress'> {
  vocabSize: number;
  special?: string[];
  generator?: string;
  bytes?: number;
  output: string;
}

const END_OF_TEXT = '<|endoftext|>';

export const tokenizer = (program: Command): void => {
  const command = program.command('tokenizer').description('Train a tokenizer.');

  command
    .command('train')
    .summary('Train a byte-level BPE tokenizer.')
    .description(
      'Train a byte-level BPE tokenizer on text: .jsonl files (a document a line, its column `text`), other files ' +
        '(a document each), both gzipped where they end in .gz, or the text of a generator. Of equally frequent pairs ' +
        'the one with the lower ids merges first; a pair that occurs once never does.',
    )
    .argument('[file...]', 'text to train on')
    .addOption(
      new Option('--vocab-size <n>', 'ids in all: special tokens, 256 bytes, merges')
        .argParser(countParser('--vocab-size'))
        .default(8192),
    )
    .addOption(
      new Option('--special <token>', 'special token (repeatable); the first begins and ends a text, as BOS and EOS')
        .argParser((value: string, previous: string[] = []) => [...previous, value])
        .default(undefined, END_OF_TEXT),
    )
    .addOption(new Option('--generator <name>', 'train on the text of a generator'))
    .addOption(new Option('--bytes <n>', 'text to take from the generator').argParser(countParser('--bytes')))
    .addOption(new Option('--seed <n>', 'seed of the generator').argParser(countParser('--seed', 0)).default(0))
    .addOption(
      new Option(
        '-o, --output <path>',
        'a .json file, or a directory for tokenizer.json and tokenizer_config.json',
      ).makeOptionMandatory(),
    )
    .addOption(options.quiet)
    .addOption(options.noProgress)
    .addOption(options.verbose)
    .action(async (files: string[], flags: TokenizerFlags) => {
      const corpus = corpusOf(files, flags);
      const { trainTokenizer } = await import('../../train/train-tokenizer.js');
      const { vocabSize: vocabularySize, special: specials = [END_OF_TEXT] } = flags;
      const trained = await trainTokenizer(corpus, { vocabularySize, specials }, flags.output, terminalProgress(flags));
      if (flags.quiet !== true) for (const remark of remarksOn(trained, vocabularySize)) process.stderr.write(remark);
      console.log(trained.name);
    });
};

function corpusOf(files: string[], { generator, bytes, seed }: TokenizerFlags): Corpus {
  if (generator === undefined) {
    if (bytes !== undefined) throw new UserError('usage', '--bytes goes with --generator: files are read whole');
    if (files.length === 0)
      throw new UserError('usage', 'no text to train on', { hint: 'files, or --generator NAME --bytes N' });
    return { kind: 'files', files };
  }
  if (files.length > 0) throw new UserError('usage', 'give files or --generator, not both');
  if (bytes === undefined)
    throw new UserError('usage', '--generator needs --bytes: its text has no end', { hint: '--bytes 1000000' });
  return { kind: 'generator', name: generator, bytes, seed };
}

function remarksOn({ vocabularySize, eosTokenId }: Tokenizer, asked: number): string[] {
  return [
    ...(vocabularySize < asked
      ? [`the vocabulary has ${vocabularySize} ids, not ${asked}: no pair of tokens occurs twice any more\n`]
      : []),
    ...(eosTokenId === null
      ? ['no program will know BOS and EOS by their name: --output DIR writes a tokenizer_config.json that says it\n']
      : []),
  ];
}
