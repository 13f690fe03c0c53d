// Puts a tokenizer beside a model's weights, under the names of Hugging Face, so that the checkpoint is whole.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { writeAtomically } from '../write-atomically.js';
import { byteTokenizer } from './byte-tokenizer.js';
import { byteTokenizerJson } from './byte-tokenizer-json.js';
import { readTokenizerFile } from './tokenizer-file.js';
import type { Tokenizer } from './tokenizer.js';

/** Files that say which tokens are special; config.json, which may too, is the model's. */
const BESIDE = ['tokenizer_config.json', 'special_tokens_map.json', 'generation_config.json'];
/** A vocabulary and its merges are two files. */
const PAIRS = [
  ['vocab.json', 'merges.txt'],
  ['encoder.json', 'vocab.bpe'],
] as const;

/** Files of a tokenizer by the name they have in a checkpoint directory. */
export type TokenizerFiles = ReadonlyMap<string, string | Uint8Array>;

/** @throws UserError 'data' when the tokenizer's own files are not readable any more. */
export async function tokenizerFiles(tokenizer: Tokenizer): Promise<TokenizerFiles> {
  if (tokenizer === byteTokenizer)
    return new Map([['tokenizer.json', `${JSON.stringify(byteTokenizerJson, null, 2)}\n`]]);
  const directory = path.dirname(tokenizer.name);
  const files = new Map<string, Uint8Array>();
  for (const [from, to] of namesOf(path.basename(tokenizer.name)))
    files.set(to, await readTokenizerFile(existing(path.join(directory, from))));
  for (const name of BESIDE) {
    const file = path.join(directory, name);
    if (existsSync(file)) files.set(name, await readTokenizerFile(file));
  }
  return files;
}

export async function writeTokenizerFiles(directory: string, files: TokenizerFiles): Promise<void> {
  for (const [name, content] of files) await writeAtomically(path.join(directory, name), content);
}

/** From the name of a tokenizer's file to the names in a checkpoint. */
function namesOf(file: string): [from: string, to: string][] {
  const plain = file.replace(/\.gz$/, '');
  const pair = PAIRS.find((names) => names.some((name) => name === plain));
  if (pair !== undefined)
    return [
      [pair[0], 'vocab.json'],
      [pair[1], 'merges.txt'],
    ];
  return [[file, plain.endsWith('.json') ? 'tokenizer.json' : 'tokenizer.model']];
}

/** The file, plain or gzipped. */
function existing(file: string): string {
  return [file, `${file}.gz`].find((candidate) => existsSync(candidate)) ?? file;
}
