// Documents out of files that need not fit into memory: a text file is one document, a line of JSON lines is one. A name that ends in
// `.gz` is unpacked on the way.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { explainFileError } from '../file-errors.js';
import { UserError } from '../user-error.js';
import { readUtf8 } from './utf8-blocks.js';

/** A document, or one piece after the other of a long one. */
export interface TextPiece {
  readonly text: string;
  /** Whether the document ends here. */
  readonly last: boolean;
  /** The file, or `file:line` of a document that has a line of its own. */
  readonly where: string;
}

/** Characters from which on a text file is cut, between two words. */
const PIECE = 2 ** 16;
/** Characters of a JSON line: it is parsed whole. */
const LONGEST_LINE = 2 ** 28;

/**
 * @param textField the key of a JSON line that holds its text
 * @param onBytes told how many more bytes of the stored file were read
 * @throws UserError 'data' for a file that cannot be read, is empty, is a damaged gzip stream, is not UTF-8 or holds NUL bytes; in
 * JSON lines for a line that is no object with that text. Lines without a character are passed over.
 */
export function readDocuments(
  file: string,
  textField: string,
  onBytes: (count: number) => void = () => {},
): AsyncGenerator<TextPiece> {
  const blocks = readUtf8(file, onBytes);
  return /\.(jsonl|ndjson)(\.gz)?$/.test(file) ? jsonDocuments(blocks, textField, file) : textDocument(blocks, file);
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

async function* textDocument(blocks: AsyncIterable<string>, file: string): AsyncGenerator<TextPiece> {
  let text = '';
  for await (const block of blocks) {
    text += block;
    while (text.length > PIECE) {
      const end = betweenWords(text, PIECE);
      yield { text: text.slice(0, end), last: false, where: file };
      text = text.slice(end);
    }
  }
  yield { text, last: true, where: file };
}

/** The last place up to `most` where white space begins, so that no word is cut; else one that cuts no character. */
function betweenWords(text: string, most: number): number {
  for (let at = most; at > most / 2; at--) if (/\s/.test(text[at]!) && !/\s/.test(text[at - 1]!)) return at;
  return /[\udc00-\udfff]/.test(text[most]!) ? most - 1 : most;
}

async function* jsonDocuments(
  blocks: AsyncIterable<string>,
  textField: string,
  file: string,
): AsyncGenerator<TextPiece> {
  for await (const { line, where } of readLines(blocks, file)) {
    if (line.trim() === '') continue;
    const text = textOf(line, textField, where);
    if (text !== '') yield { text, last: true, where };
  }
}

async function* readLines(
  blocks: AsyncIterable<string>,
  file: string,
): AsyncGenerator<{ line: string; where: string }> {
  let number = 1;
  let begun: string[] = [];
  let length = 0;
  for await (const block of blocks) {
    const ends = block.split('\n');
    const rest = ends.pop()!;
    for (const end of ends) {
      yield { line: begun.join('') + end, where: `${file}:${number++}` };
      begun = [];
      length = 0;
    }
    begun.push(rest);
    length += rest.length;
    if (length > LONGEST_LINE)
      throw new UserError(
        'data',
        `${file}:${number} is longer than ${LONGEST_LINE.toLocaleString('en-US')} characters`,
        { where: `${file}:${number}`, hint: 'keep such a document as a text file of its own, which is read in pieces' },
      );
  }
  yield { line: begun.join(''), where: `${file}:${number}` };
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
      hint: `a line holds its text in "${textField}", unless a recipe's text_field names another key`,
    });
  }
  if (text.includes('\0')) throw new UserError('data', `${where} holds a NUL character`, { where });
  return text;
}
