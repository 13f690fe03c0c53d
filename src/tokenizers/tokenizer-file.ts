// Reads one file of a tokenizer, gzipped or not, and says in a sentence what is wrong with it.
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { UserError } from '../user-error.js';

export type JsonObject = Record<string, unknown>;

/** Content of a file, unpacked where it starts as gzip does. @throws UserError 'data' when it cannot be read. */
export async function readTokenizerFile(file: string): Promise<Buffer> {
  let stored: Buffer;
  try {
    stored = await readFile(file);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new UserError('data', missing ? 'tokenizer file not found' : `tokenizer file cannot be read`, {
      where: file,
      hint: 'a checkpoint directory, a tokenizer.json, a vocab.json beside its merges.txt, a tokenizer.model, or `bytes`',
      cause,
    });
  }
  if (stored[0] !== 0x1f || stored[1] !== 0x8b) return stored;
  try {
    return await promisify(gunzip)(stored);
  } catch (cause) {
    throw new UserError('data', `damaged gzip file: ${(cause as Error).message}`, {
      where: file,
      hint: 'fetch the file again',
      cause,
    });
  }
}

/**
 * The object in a JSON file. Python writes NaN and Infinity into a config.json; no key that a tokenizer needs holds them, so
 * they are read as null.
 * @throws UserError 'data' when it is no JSON, or no object.
 */
export function parseJsonObject(content: Buffer, file: string): JsonObject {
  const text = content.toString('utf8');
  const value = parse(/\b(?:NaN|Infinity)\b/.test(text) ? text.replace(PYTHON_NUMBER, asNull) : text, file);
  if (!isObject(value))
    throw new UserError('data', 'a JSON object was expected', {
      where: file,
      hint: 'a tokenizer.json of Hugging Face tokenizers',
    });
  return value;
}

/** A JSON string, which stays as it is, or one of the numbers that only Python writes. */
const PYTHON_NUMBER = /"(?:[^"\\]|\\.)*"|-?\b(?:Infinity|NaN)\b/g;
const asNull = (match: string): string => (match.startsWith('"') ? match : 'null');

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UserError('data', `not valid JSON: ${(cause as Error).message}`, {
      where: file,
      hint: 'fetch the file again, or check that its download was complete',
      cause,
    });
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
