// Trains a tokenizer on files or on a generator's text, and writes it where a checkpoint keeps it.
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { readDocuments, type TextPiece } from '../data/text-documents.js';
import type { Progress } from '../evaluate/progress.js';
import { explainFileError } from '../file-errors.js';
import { loadTextGenerator } from '../tasks/text-generators.js';
import { WordCounter } from '../tokenizers/count-words.js';
import { loadTokenizer } from '../tokenizers/load-tokenizer.js';
import type { Tokenizer } from '../tokenizers/tokenizer.js';
import { checkBpeSettings, trainBpe, type BpeSettings } from '../tokenizers/train-bpe.js';
import { UserError } from '../user-error.js';
import { writeAtomically } from '../write-atomically.js';

/** Key of a JSON line that holds its text. */
const TEXT_FIELD = 'text';

export type Corpus =
  | { readonly kind: 'files'; readonly files: readonly string[] }
  /** Documents of the generator's training text, until there are so many bytes. */
  | { readonly kind: 'generator'; readonly name: string; readonly bytes: number; readonly seed: number };

/**
 * @param output a `.json` file; or a directory, which gets `tokenizer.json` and the `tokenizer_config.json` that names the first
 * special token as BOS and EOS
 * @returns the tokenizer, as it reads back
 * @throws UserError 'usage' for settings that contradict each other, 'data' for a corpus that is no text, 'failure' when the
 * place cannot be written.
 */
export async function trainTokenizer(
  corpus: Corpus,
  settings: BpeSettings,
  output: string,
  progress: Progress,
): Promise<Tokenizer> {
  checkBpeSettings(settings);
  const words = await countWords(corpus, settings.specials, progress);
  const merges = settings.vocabularySize - settings.specials.length - 256;
  progress.start('merging', merges, { unit: 'merges' });
  const description = trainBpe(words, settings, () => progress.advance(1));
  progress.finish();

  const file = output.endsWith('.json') ? output : path.join(output, 'tokenizer.json');
  await writeAtomically(file, asJson(description));
  if (file !== output) await writeAtomically(path.join(output, 'tokenizer_config.json'), asJson(configOf(settings)));
  return loadTokenizer(file);
}

async function countWords(
  corpus: Corpus,
  specials: readonly string[],
  progress: Progress,
): Promise<ReadonlyMap<string, number>> {
  const pieces = corpus.kind === 'files' ? await filePieces(corpus, progress) : await generatedPieces(corpus, progress);
  const counter = new WordCounter(specials);
  for await (const { text, last, where } of pieces) {
    counter.add(text, where);
    if (last) counter.endDocument();
  }
  progress.finish();
  if (counter.counts.size === 0)
    throw new UserError('data', 'the corpus has no text', { hint: 'documents with some text in them' });
  return counter.counts;
}

async function filePieces({ files }: Extract<Corpus, { kind: 'files' }>, progress: Progress) {
  // Before the first is read: a file that is missing must not be found out after the others.
  const sizes = await Promise.all(
    files.map(async (file) => {
      try {
        return (await stat(file)).size;
      } catch (error) {
        throw explainFileError(error, 'read', file);
      }
    }),
  );
  progress.start(
    'reading',
    sizes.reduce((sum, size) => sum + size, 0),
    { unit: 'bytes' },
  );
  return (async function* (): AsyncGenerator<TextPiece> {
    for (const file of files) yield* readDocuments(file, TEXT_FIELD, (count) => progress.advance(count));
  })();
}

async function generatedPieces({ name, bytes, seed }: Extract<Corpus, { kind: 'generator' }>, progress: Progress) {
  const generator = await loadTextGenerator(name);
  progress.start(`reading ${name}`, bytes, { unit: 'bytes' });
  return (function* (): Generator<TextPiece> {
    let read = 0;
    for (const text of generator.documents(seed, 'train')) {
      if (read >= bytes) return;
      const length = Buffer.byteLength(text);
      progress.advance(length);
      read += length;
      yield { text, last: true, where: name };
    }
  })();
}

/** What transformers asks of a tokenizer beside its tokenizer.json. */
function configOf({ specials }: BpeSettings) {
  const [endOfText] = specials;
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: endOfText,
    eos_token: endOfText,
    clean_up_tokenization_spaces: false,
  };
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
