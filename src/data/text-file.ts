// Reads a text file whole: UTF-8, gzipped when its name ends in `.gz`.
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { UserError } from '../user-error.js';

/**
 * @param name What the errors call the file; its path unless it came from elsewhere.
 * @throws UserError 'data' when the file cannot be read, is empty, is a damaged gzip stream, or is not UTF-8.
 */
export async function readTextFile(file: string, name = file): Promise<string> {
  const stored = await readFile(file).catch((cause: unknown) => {
    throw new UserError('data', `${name} cannot be read: ${(cause as Error).message}`, { where: name, cause });
  });
  const bytes = name.endsWith('.gz') && stored.length > 0 ? await unpack(stored, name) : stored;
  if (bytes.length === 0) throw new UserError('data', `${name} is empty`, { where: name });
  return decode(bytes, name);
}

async function unpack(stored: Buffer, name: string): Promise<Buffer> {
  try {
    return await promisify(gunzip)(stored);
  } catch (cause) {
    throw gzipError(cause, name);
  }
}

/** What zlib says about a file, as a sentence. */
export function gzipError(cause: unknown, name: string): UserError {
  const cut = (cause as NodeJS.ErrnoException).code === 'Z_BUF_ERROR';
  const what = cut ? 'is cut short: its gzip stream has no end' : `is no intact gzip file: ${(cause as Error).message}`;
  return new UserError('data', `${name} ${what}`, { where: name, cause });
}

function decode(bytes: Buffer, name: string): string {
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    const where = `${name}:${firstBadLine(bytes)}`;
    throw new UserError('data', `${where} is not UTF-8 text`, { where, cause });
  }
}

/** No UTF-8 sequence contains a line feed, so the first line that differs from its decoded form holds the bad byte. */
export function firstBadLine(bytes: Buffer): number {
  const lines = bytes.toString('utf8').split('\n');
  let offset = 0;
  const bad = lines.findIndex((line) => {
    const encoded = Buffer.from(line, 'utf8');
    const same = encoded.equals(bytes.subarray(offset, offset + encoded.length));
    offset += encoded.length + 1;
    return !same;
  });
  return bad + 1;
}
