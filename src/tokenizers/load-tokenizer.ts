// Finds the tokenizer of a checkpoint directory, or reads the file it is told, and tells the formats apart by their content.
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../user-error.js';
import { byteTokenizer } from './byte-tokenizer.js';
import { isByteTokenizer } from './byte-tokenizer-json.js';
import { describeGpt2Tokenizer } from './gpt2-files.js';
import { sentencePieceTokenizer } from './sentencepiece-tokenizer.js';
import { readTokenizerSettings } from './special-tokens.js';
import { parseJsonObject, readTokenizerFile } from './tokenizer-file.js';
import type { JsonObject } from './tokenizer-file.js';
import { tokenizerFromJson } from './tokenizer-json.js';
import type { Tokenizer } from './tokenizer.js';

const SUPPORTED =
  'tokenizer.json, tokenizer.model, or vocab.json (encoder.json) with merges.txt (vocab.bpe), each maybe with .gz';
const VOCABULARIES = ['vocab.json', 'encoder.json'];
const MERGES = ['merges.txt', 'vocab.bpe'];

/**
 * @param location `bytes`, a checkpoint directory (its tokenizer.json, else its tokenizer.model, else its vocabulary and merges),
 * or one of these files, gzipped or not
 * @throws UserError 'data' when there is no tokenizer, or it is damaged or of a kind that is not supported
 */
export async function loadTokenizer(location: string): Promise<Tokenizer> {
  if (location === 'bytes') return byteTokenizer;
  const file = isDirectory(location) ? tokenizerOf(location) : location;
  const directory = path.dirname(file);
  if (isNamed(file, MERGES)) return loadTokenizer(siblingOf(file, VOCABULARIES));
  const content = await readTokenizerFile(file);
  const settings = await readTokenizerSettings(directory);
  if (!isJson(file, content)) return sentencePieceTokenizer(content, settings, file);
  const json = parseJsonObject(content, file);
  if (isByteTokenizer(json)) return byteTokenizer;
  if (!isVocabulary(json)) return tokenizerFromJson(json, settings, file);
  const mergesFile = siblingOf(file, MERGES);
  const merges = { text: (await readTokenizerFile(mergesFile)).toString('utf8'), file: mergesFile };
  return tokenizerFromJson(describeGpt2Tokenizer(json, merges, settings), settings, file);
}

function isDirectory(location: string): boolean {
  return statSync(location, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function tokenizerOf(directory: string): string {
  // Next to the plain names, one of GPT-NeoX's kind: 20B_tokenizer.json.
  const prefixed = readdirSync(directory).filter((name) => /_tokenizer\.json(\.gz)?$/.test(name));
  const file =
    findFile(directory, ['tokenizer.json', ...prefixed, 'tokenizer.model']) ?? findFile(directory, VOCABULARIES);
  if (file !== undefined) return file;
  throw new UserError('data', 'no tokenizer found', {
    where: directory,
    hint: `give --tokenizer PATH or --tokenizer bytes; a directory must hold ${SUPPORTED}`,
  });
}

/** The first of `names` in `directory`, plain or gzipped. */
function findFile(directory: string, names: readonly string[]): string | undefined {
  return names
    .flatMap((name) => [name, `${name}.gz`])
    .map((name) => path.join(directory, name))
    .find((file) => existsSync(file));
}

function siblingOf(file: string, names: readonly string[]): string {
  const sibling = findFile(path.dirname(file), names);
  if (sibling !== undefined) return sibling;
  throw new UserError(
    'data',
    `${path.basename(file)} is half of a tokenizer: ${names.join(' or ')} must stand beside it`,
    {
      where: file,
      hint: `fetch the other file too, or take ${SUPPORTED}`,
    },
  );
}

function isNamed(file: string, names: readonly string[]): boolean {
  return names.includes(path.basename(file).replace(/\.gz$/, ''));
}

/** By its name, so that an error page in its place is called no JSON; else by its start: a SentencePiece model's is a line feed. */
function isJson(file: string, content: Buffer): boolean {
  return /\.json(\.gz)?$/.test(file) || content[0] === '{'.charCodeAt(0);
}

/** `{ token: id }` */
function isVocabulary(json: JsonObject): boolean {
  const ids = Object.values(json);
  return ids.length > 0 && ids.every((id) => typeof id === 'number');
}
