// A corpus as token ids on disk, as nanoGPT and Megatron keep it: every document and an end token behind it, 16 or 32 bits an id, and
// where each document begins. Any place is read without what lies before it, so that no corpus has to fit into memory.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { explainFileError } from '../file-errors.js';
import type { Tokenizer } from '../tokenizers/tokenizer.js';
import { UserError } from '../user-error.js';
import { writeAtomically } from '../write-atomically.js';

const TOKENS = 'tokens.bin';
const DOCUMENTS = 'documents.bin';
const DESCRIPTION = 'tokens.json';
/** Ids that are kept before they are written. */
const BUFFERED = 2 ** 18;

const description = z.object({
  tokens: z.int().positive(),
  documents: z.int().positive(),
  bytesPerToken: z.union([z.literal(2), z.literal(4)]),
  /** SHA-256 of tokens.bin. */
  digest: z.string(),
});
export type TokenDescription = z.infer<typeof description>;

/** Text that ends or goes on with the next piece. */
export interface Piece {
  readonly text: string;
  readonly last: boolean;
}

/**
 * Writes a token file as a directory that is there whole or not at all.
 * @param most stops behind so many tokens
 * @throws UserError 'data' when there is no text, 'failure' when there is no room.
 */
export async function writeTokenFile(
  directory: string,
  tokenizer: Tokenizer,
  pieces: AsyncIterable<Piece> | Iterable<Piece>,
  most = Infinity,
): Promise<void> {
  const temporary = `${directory}.${process.pid}.tmp`;
  try {
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    const content = await writeTokens(temporary, tokenizer, pieces, most);
    await writeAtomically(path.join(temporary, DESCRIPTION), `${JSON.stringify(content, null, 1)}\n`);
    await putInPlace(temporary, directory);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {}); // the first error is the one to tell
    throw explainFileError(error, 'write', directory);
  }
}

/** Another process may have been faster with the same tokens, and others read them by now: then these are dropped. */
async function putInPlace(temporary: string, directory: string): Promise<void> {
  try {
    await rename(temporary, directory);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    const present = TokenFile.open(directory);
    present?.close();
    if (present !== null) return rm(temporary, { recursive: true });
    await rm(directory, { recursive: true });
    await rename(temporary, directory);
  }
}

async function writeTokens(
  directory: string,
  tokenizer: Tokenizer,
  pieces: AsyncIterable<Piece> | Iterable<Piece>,
  most: number,
): Promise<TokenDescription> {
  const wide = tokenizer.vocabularySize > 2 ** 16;
  const end = tokenizer.eosTokenId ?? tokenizer.bosTokenId;
  const hash = createHash('sha256');
  const files = [TOKENS, DOCUMENTS].map((name) => openSync(path.join(directory, name), 'w')) as [number, number];
  let [tokens, documents, startsNext] = [0, 0, true];
  let ids: number[] = [];
  let starts: number[] = [];
  const flush = (): void => {
    const words = wide ? Uint32Array.from(ids) : Uint16Array.from(ids);
    const bytes = new Uint8Array(words.buffer);
    hash.update(bytes);
    writeAll(files[0], bytes);
    writeAll(files[1], new Uint8Array(Float64Array.from(starts).buffer));
    [ids, starts] = [[], []];
  };
  try {
    for await (const { text, last } of pieces) {
      if (startsNext) {
        starts.push(tokens);
        documents += 1;
      }
      const encoded = tokenizer.encode(text);
      if (last && end !== null) encoded.push(end);
      for (const id of encoded) ids.push(id);
      tokens += encoded.length;
      startsNext = last;
      if (ids.length >= BUFFERED) flush();
      if (tokens >= most) break;
    }
    flush();
  } finally {
    files.forEach(closeSync);
  }
  if (documents === 0) throw new UserError('data', 'the corpus holds no text', { hint: 'a file or a field with some' });
  return { tokens, documents, bytesPerToken: wide ? 4 : 2, digest: hash.digest('hex') };
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
}

export class TokenFile {
  readonly description: TokenDescription;
  private readonly tokensFile: number;
  private readonly documentsFile: number;

  private constructor(directory: string, content: TokenDescription) {
    this.description = content;
    this.tokensFile = openSync(path.join(directory, TOKENS), 'r');
    this.documentsFile = openSync(path.join(directory, DOCUMENTS), 'r');
  }

  /** Null where there is none. */
  static open(directory: string): TokenFile | null {
    try {
      const text = readFileSync(path.join(directory, DESCRIPTION), 'utf8');
      return new TokenFile(directory, description.parse(JSON.parse(text)));
    } catch {
      return null;
    }
  }

  /** `count` ids from `start` on; behind the last one comes the first. */
  read(start: number, count: number): Int32Array {
    const { tokens, bytesPerToken } = this.description;
    const ids = new Int32Array(count);
    for (let done = 0; done < count;) {
      const at = (start + done) % tokens;
      const length = Math.min(count - done, tokens - at);
      const words = bytesPerToken === 4 ? new Uint32Array(length) : new Uint16Array(length);
      readAll(this.tokensFile, new Uint8Array(words.buffer), at * bytesPerToken);
      ids.set(words, done);
      done += length;
    }
    return ids;
  }

  /** Number of the document that holds a token, from 0. */
  documentAt(token: number): number {
    let [low, high] = [0, this.description.documents - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const start = new Float64Array(1);
      readAll(this.documentsFile, new Uint8Array(start.buffer), 8 * middle);
      if (start[0]! <= token) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  close(): void {
    closeSync(this.tokensFile);
    closeSync(this.documentsFile);
  }
}

function readAll(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    const read = readSync(file, bytes, done, bytes.length - done, position + done);
    if (read === 0) throw new UserError('data', 'the tokens of the corpus became shorter while they were read');
    done += read;
  }
}
