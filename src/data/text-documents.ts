// Documents out of files that need not fit into memory: a text file is one document, a line of JSON lines is one. A name that ends in
// `.gz` is unpacked on the way.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { explainFileError } from '../file-errors.js';
import { UserError } from '../user-error.js';

/** A document, or one piece after the other of a long one. */
export interface TextPiece {
  readonly text: string;
  /** Whether the document ends here. */
  readonly last: boolean;
}

/** Characters from which on a text file is cut, between two words. */
const PIECE = 2 ** 16;
/** Characters of a JSON line: it is parsed whole. */
const LONGEST_LINE = 2 ** 28;

/**
 * @param textField the key of a JSON line that holds its text
 * @throws UserError 'data' for a file that cannot be read, is empty, is a damaged gzip stream, is not UTF-8 or holds NUL bytes; in
 * JSON lines for a line that is no object with that text. Lines without a character are passed over.
 */
export function readDocuments(file: string, textField: string): AsyncGenerator<TextPiece> {
  return /\.(jsonl|ndjson)(\.gz)?$/.test(file) ? jsonDocuments(file, textField) : textDocument(file);
}

/** SHA-256 of a file as it is stored, hexadecimal, and its size. */
export async function digestFile(file: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(file)) {
      hash.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
  } catch (error) {
    throw explainFileError(error, 'read', file);
  }
  return { sha256: hash.digest('hex'), bytes };
}

async function* textDocument(file: string): AsyncGenerator<TextPiece> {
  let text = '';
  for await (const chunk of decodedChunks(file)) {
    text += chunk;
    while (text.length > PIECE) {
      const end = betweenWords(text, PIECE);
      yield { text: text.slice(0, end), last: false };
      text = text.slice(end);
    }
  }
  yield { text, last: true };
}

/** The last place up to `most` where white space begins, so that no word is cut; else one that cuts no character. */
function betweenWords(text: string, most: number): number {
  for (let at = most; at > most / 2; at--) if (/\s/.test(text[at]!) && !/\s/.test(text[at - 1]!)) return at;
  return /[\udc00-\udfff]/.test(text[most]!) ? most - 1 : most;
}

async function* jsonDocuments(file: string, textField: string): AsyncGenerator<TextPiece> {
  let number = 0;
  for await (const line of lines(file)) {
    number += 1;
    if (line.trim() === '') continue;
    const text = textOf(line, textField, `${file}:${number}`);
    if (text !== '') yield { text, last: true };
  }
}

async function* lines(file: string): AsyncGenerator<string> {
  let rest = '';
  let number = 1;
  for await (const chunk of decodedChunks(file)) {
    const parts = chunk.split('\n');
    parts[0] = rest + parts[0]!;
    rest = parts.pop()!;
    number += parts.length;
    yield* parts;
    if (rest.length > LONGEST_LINE)
      throw new UserError('data', `${file}:${number} is longer than ${LONGEST_LINE / 2 ** 20} Mi characters`, {
        where: `${file}:${number}`,
        hint: 'keep such a document as a text file of its own, which is read in pieces',
      });
  }
  if (rest !== '') yield rest;
}

function textOf(line: string, textField: string, where: string): string {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch (cause) {
    throw new UserError('data', `${where} is not JSON: ${(cause as Error).message}`, { where, cause });
  }
  const text = typeof row === 'object' && row !== null ? (row as Record<string, unknown>)[textField] : undefined;
  if (typeof text !== 'string') {
    const keys = typeof row === 'object' && row !== null ? Object.keys(row).join(', ') : 'no object';
    throw new UserError('data', `${where} has no text in "${textField}": it has ${keys}`, {
      where,
      hint: 'text_field: the key of the lines that holds their text',
    });
  }
  if (text.includes('\0')) throw new UserError('data', `${where} holds a NUL character`, { where });
  return text;
}

/** The text of a file in chunks. */
async function* decodedChunks(file: string): AsyncGenerator<string> {
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  let before: Buffer = Buffer.alloc(0);
  let line = 1;
  for await (const chunk of unpackedChunks(file)) {
    const nul = chunk.indexOf(0);
    if (nul >= 0) {
      const where = `${file}:${line + count(before, 10) + count(chunk.subarray(0, nul), 10)}`;
      throw new UserError('data', `${where} holds a NUL byte: this is no text file`, { where });
    }
    try {
      yield utf8.decode(chunk, { stream: true });
    } catch (cause) {
      throw notUtf8(file, line, Buffer.concat([before, chunk]), cause);
    }
    line += count(before, 10);
    before = chunk;
  }
  if (before.length === 0) throw new UserError('data', `${file} is empty`, { where: file });
  try {
    utf8.decode();
  } catch (cause) {
    throw notUtf8(file, line, before, cause);
  }
}

async function* unpackedChunks(file: string): AsyncGenerator<Buffer> {
  const stored = createReadStream(file, { highWaterMark: 2 ** 18 });
  const bytes = file.endsWith('.gz') ? pipeline(stored, createGunzip(), () => {}) : stored;
  try {
    for await (const chunk of bytes) yield chunk as Buffer;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR')
      throw new UserError('data', `${file} is cut short: its gzip stream has no end`, { where: file, cause: error });
    if (code?.startsWith('Z_') === true)
      throw new UserError('data', `${file} is no intact gzip file: ${(error as Error).message}`, {
        where: file,
        cause: error,
      });
    throw explainFileError(error, 'read', file);
  }
}

/** @param bytes from the beginning of line `first` on, or from within it */
function notUtf8(file: string, first: number, bytes: Buffer, cause: unknown): UserError {
  // A chunk may begin within a character, which was decoded with the one before.
  let start = 0;
  while (start < 3 && (bytes[start]! & 0xc0) === 0x80) start++;
  let line = first;
  for (let at = start; at < bytes.length; line++) {
    const end = bytes.indexOf(10, at);
    const own = bytes.subarray(at, end < 0 ? bytes.length : end);
    if (!Buffer.from(own.toString('utf8')).equals(own)) break;
    at = end < 0 ? bytes.length : end + 1;
  }
  const where = `${file}:${line}`;
  return new UserError('data', `${where} is not UTF-8 text`, {
    where,
    hint: 'convert the file, as in iconv -f latin1 -t utf8',
    cause,
  });
}

function count(bytes: Buffer, byte: number): number {
  let found = 0;
  for (let at = bytes.indexOf(byte); at >= 0; at = bytes.indexOf(byte, at + 1)) found++;
  return found;
}
