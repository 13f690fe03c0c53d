// Reads the documents of text files in pieces, so that no file needs to fit into memory: `.jsonl` holds a document a line in its
// column `text`, any other file is one document; both gzipped where the name ends in `.gz`.
import { UserError } from '../user-error.js';
import { parseObject, stringColumn } from './rows.js';
import { readUtf8 } from './utf8-blocks.js';

export interface TextPiece {
  readonly text: string;
  /** Whether the document ends here. */
  readonly last: boolean;
  /** The file, or `file:line` of a document that has a line of its own. */
  readonly where: string;
}

/** Longest line of a `.jsonl` file in UTF-16 units: a document that is a row is in memory whole. */
const LONGEST_LINE = 2 ** 28;

/**
 * @param onBytes told how many more bytes of the stored file were read
 * @throws UserError 'data' when the file cannot be read, is empty, is a damaged gzip stream, holds a NUL byte or is not UTF-8, or
 * when a line of a `.jsonl` file is no object with a `text`, or too long for memory.
 */
export async function* readTextPieces(
  file: string,
  onBytes: (count: number) => void = () => {},
): AsyncGenerator<TextPiece> {
  const blocks = readUtf8(file, onBytes);
  if (/\.(jsonl|ndjson)(\.gz)?$/.test(file)) {
    for await (const { line, where } of readLines(blocks, file)) {
      if (line.trim() === '') continue;
      yield { text: stringColumn({ value: parseObject(line, where), where }, 'text'), last: true, where };
    }
  } else {
    for await (const text of blocks) yield { text, last: false, where: file };
    yield { text: '', last: true, where: file };
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
        { where: `${file}:${number}`, hint: 'a text file of its own, which is read in pieces' },
      );
  }
  yield { line: begun.join(''), where: `${file}:${number}` };
}
