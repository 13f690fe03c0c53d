// Reads a UTF-8 file block by block, gzipped when its name ends in `.gz`, and refuses what is no text.
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { explainFileError } from '../file-errors.js';
import { UserError } from '../user-error.js';
import { firstBadLine, gzipError } from './text-file.js';

const BLOCK_BYTES = 2 ** 18;
const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = '\ufeff';

/**
 * @param onBytes told how many more bytes of the stored file were read
 * @throws UserError 'data' when the file cannot be read, is empty, is a damaged gzip stream, holds a NUL byte or is not UTF-8.
 */
export async function* readUtf8(file: string, onBytes: (count: number) => void): AsyncGenerator<string> {
  /** Bytes of a character whose end is in the next block. */
  let begun: Buffer = Buffer.alloc(0);
  let line = 1;
  let isFirst = true;
  for await (const chunk of readBytes(file, onBytes)) {
    const bytes = Buffer.concat([begun, chunk]);
    const block = bytes.subarray(0, wholeCharacters(bytes));
    requireText(block, file, line);
    begun = bytes.subarray(block.length);
    line += count(block, LINE_FEED);
    const text = block.toString('utf8');
    yield isFirst && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
    isFirst = false;
  }
  if (isFirst) throw new UserError('data', `${file} is empty`, { where: file });
  requireText(begun, file, line);
}

function requireText(block: Buffer, file: string, firstLine: number): void {
  const refuse = (line: number, what: string, hint: string) =>
    new UserError('data', `${file}:${line} ${what}`, { where: `${file}:${line}`, hint });
  const nul = block.indexOf(0);
  if (nul >= 0)
    throw refuse(firstLine + count(block.subarray(0, nul), LINE_FEED), 'holds a NUL byte', 'a text file, in UTF-8');
  if (!isUtf8(block))
    throw refuse(
      firstLine + firstBadLine(block) - 1,
      'is not UTF-8 text',
      'convert the file, as in iconv -f latin1 -t utf8',
    );
}

/** Bytes up to a last character that may go on in the next block: one of 2 to 4 bytes, of which fewer are there. */
function wholeCharacters(bytes: Buffer): number {
  for (let index = bytes.length - 1; index >= Math.max(0, bytes.length - 3); index--) {
    const byte = bytes[index]!;
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return index + needed > bytes.length ? index : bytes.length;
    }
    if (byte < 0x80) break;
  }
  return bytes.length;
}

async function* readBytes(file: string, onBytes: (count: number) => void): AsyncGenerator<Buffer> {
  const stored = createReadStream(file, { highWaterMark: BLOCK_BYTES });
  const packed = file.endsWith('.gz');
  const bytes = packed ? pipeline(stored, createGunzip({ chunkSize: BLOCK_BYTES }), () => {}) : stored;
  let told = 0;
  try {
    for await (const chunk of bytes) {
      yield chunk as Buffer;
      onBytes(stored.bytesRead - told);
      told = stored.bytesRead;
    }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'Z_BUF_ERROR' && stored.bytesRead === 0) return; // empty, even as a gzip file
    throw packed && code?.startsWith('Z_') ? gzipError(cause, file) : explainFileError(cause, 'read', file);
  }
}

function count(bytes: Buffer, value: number): number {
  let found = 0;
  for (let index = bytes.indexOf(value); index >= 0; index = bytes.indexOf(value, index + 1)) found++;
  return found;
}
