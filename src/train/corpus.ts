// From what a recipe calls its data to tokens on disk. They are kept in the cache by the digest of the text and the tokenizer, so that
// the models of a recipe share them, and a run that is resumed finds them.
import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { digestFile, readDocuments } from '../data/text-documents.js';
import { isAlive } from '../evaluate/writer.js';
import type { BuildInfo } from '../package-root.js';
import type { TextGenerator, TextSplit } from '../tasks/text-generator.js';
import type { Tokenizer } from '../tokenizers/tokenizer.js';
import { UserError } from '../user-error.js';
import type { CorpusConfig } from './train-config.js';
import { TokenFile, writeTokenFile, type Piece } from './token-file.js';

export interface CorpusOptions {
  /** What relative file names start from. */
  readonly root: string;
  readonly cacheDirectory: string;
  readonly loadGenerator: (name: string) => Promise<TextGenerator>;
  readonly build: BuildInfo;
  readonly split: TextSplit;
  readonly seed: number;
  /** Tokens that are wanted of a generator, where the recipe does not say. */
  readonly wanted: number;
  readonly log: (sentence: string) => void;
}

/** Where the text came from, for run.json. */
export type CorpusSource =
  | {
      readonly kind: 'files';
      readonly files: { readonly name: string; readonly bytes: number; readonly sha256: string }[];
    }
  | { readonly kind: 'generator'; readonly name: string; readonly seed: number; readonly split: TextSplit };

export interface Corpus {
  readonly source: CorpusSource;
  readonly file: TokenFile;
}

/** Documents by which another version of a generator is told. */
const PROBED = 256;
/** Changes when the file's form does. */
const FORMAT = 1;

/** @throws UserError 'data' for text that is not there or no text, 'usage' for an unknown generator. */
export async function openCorpus(config: CorpusConfig, tokenizer: Tokenizer, options: CorpusOptions): Promise<Corpus> {
  const { source, identity, pieces, most } =
    config.files === undefined ? await generated(config, options) : await filed(config, options);
  const key = createHash('sha256')
    .update(JSON.stringify([FORMAT, identity, tokenizer.fingerprint]))
    .digest('hex');
  const directory = path.join(options.cacheDirectory, 'tokens', key.slice(0, 32));
  const known = TokenFile.open(directory);
  if (known !== null) return { source, file: known };
  options.log(`encoding ${describe(source)} with the tokenizer ${tokenizer.name}`);
  await removeLeftovers(directory);
  await writeTokenFile(directory, tokenizer, pieces(), most);
  return { source, file: TokenFile.open(directory)! };
}

interface Text {
  readonly source: CorpusSource;
  /** What tells this text from any other. */
  readonly identity: unknown;
  readonly pieces: () => AsyncIterable<Piece> | Iterable<Piece>;
  readonly most: number;
}

async function filed(
  { files: names = [], text_field: textField }: CorpusConfig,
  { root }: CorpusOptions,
): Promise<Text> {
  const places = names.map((name) => path.resolve(root, name));
  for (const [k, place] of places.entries())
    if ((await stat(place).catch(() => null))?.isFile() !== true)
      throw new UserError('data', `there is no file ${place}`, {
        where: names[k]!,
        hint: 'file names count from the recipe, or from --data-dir',
      });
  const files: { name: string; bytes: number; sha256: string }[] = [];
  for (const [k, place] of places.entries()) files.push({ name: names[k]!, ...(await digestFile(place)) });
  async function* pieces() {
    for (const place of places) yield* readDocuments(place, textField);
  }
  const identity = [textField, files.map(({ sha256 }, k) => [sha256, path.basename(names[k]!).replace(/^[^.]*/, '')])];
  return { source: { kind: 'files', files }, identity, pieces, most: Infinity };
}

async function generated({ generator: name = '', tokens }: CorpusConfig, options: CorpusOptions): Promise<Text> {
  const { split, seed, build } = options;
  const generator = await options.loadGenerator(name).catch((error: unknown) => {
    // In a recipe, what would be a wrong option is a wrong file.
    throw error instanceof UserError
      ? new UserError('data', error.message, error.hint === undefined ? {} : { hint: error.hint })
      : error;
  });
  const most = tokens ?? options.wanted;
  const probe = createHash('sha256');
  let probed = 0;
  for (const document of generator.documents(seed, split)) {
    probe.update(JSON.stringify(document));
    if (++probed === PROBED) break;
  }
  function* pieces() {
    for (const text of generator.documents(seed, split)) yield { text, last: true };
  }
  const source = { kind: 'generator', name, seed, split } as const;
  return { source, identity: [source, most, build, probe.digest('hex')], pieces, most };
}

function describe(source: CorpusSource): string {
  if (source.kind === 'generator') return `text of the generator ${source.name} (${source.split})`;
  const bytes = source.files.reduce((sum, file) => sum + file.bytes, 0);
  const [first, ...more] = source.files.map(({ name }) => name);
  return `${first}${more.length > 0 ? ` and ${more.length} more` : ''} (${(bytes / 1e6).toFixed(1)} MB)`;
}

/** What processes that were killed left of the same tokens. */
async function removeLeftovers(directory: string): Promise<void> {
  const parent = path.dirname(directory);
  for (const name of await readdir(parent).catch(() => [])) {
    const pid = /^.+\.(\d+)\.tmp$/.exec(name)?.[1];
    if (pid === undefined || !name.startsWith(path.basename(directory))) continue;
    if (Number(pid) === process.pid || !isAlive(Number(pid)))
      await rm(path.join(parent, name), { recursive: true, force: true });
  }
}
