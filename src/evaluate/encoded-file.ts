// The file that keeps encoded requests: Uint32 numbers behind a key and a checksum, so that a damaged file is never believed.
// A rolling text is kept as a pair with an empty context.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeAtomically } from '../write-atomically.js';
import type { EncodedPair } from './encode-pair.js';

/** "SWAT", so that a file of a machine with the other byte order is not taken for one of ours. */
const MAGIC = 0x53574154;
/** A file is Uint32: magic, number of requests, 8 of the key, 8 of the SHA-256 of all that follows; three a request; ids. */
const HEADER = 18;
const PER_REQUEST = 3;
/** Bits of a request's third number; the first two count its own ids of context and continuation. */
const BOUNDARY_MERGE = 1;
const CONTEXT_OF_PREVIOUS = 2;

/** What the file holds, or null where it is missing, damaged, or of another key or number of requests. */
export async function readEncodedFile(file: string, key: string, count: number): Promise<EncodedPair[] | null> {
  let stored: Buffer;
  try {
    stored = await readFile(file);
  } catch {
    return null;
  }
  if (stored.length < 4 * HEADER || stored.length % 4 !== 0) return null;
  const words = new Uint32Array(stored.length / 4);
  new Uint8Array(words.buffer).set(stored);
  const body = words.subarray(HEADER);
  const header = headerOf(key, count, body);
  if (!header.every((word, index) => word === words[index])) return null;
  return unpack(body, count);
}

/** @throws UserError 'failure' when it cannot be written */
export async function writeEncodedFile(file: string, key: string, entries: readonly EncodedPair[]): Promise<void> {
  const body = pack(entries);
  await writeAtomically(file, Buffer.concat([bytesOf(headerOf(key, entries.length, body)), bytesOf(body)]));
}

function headerOf(key: string, count: number, body: Uint32Array): Uint32Array {
  const header = new Uint32Array(HEADER);
  header.set([MAGIC, count]);
  const digest = createHash('sha256').update(bytesOf(body)).digest();
  bytesOf(header).set(Buffer.concat([Buffer.from(key, 'hex'), digest]), 8);
  return header;
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

function pack(entries: readonly EncodedPair[]): Uint32Array {
  const isShared = (index: number): boolean => index > 0 && entries[index]!.context === entries[index - 1]!.context;
  const ids = entries.reduce(
    (sum, { context, continuation }, index) => sum + continuation.length + (isShared(index) ? 0 : context.length),
    0,
  );
  const body = new Uint32Array(PER_REQUEST * entries.length + ids);
  let end = PER_REQUEST * entries.length;
  entries.forEach(({ context, continuation, boundaryMerge }, index) => {
    const own = isShared(index) ? [] : context;
    const flags = (boundaryMerge ? BOUNDARY_MERGE : 0) | (isShared(index) ? CONTEXT_OF_PREVIOUS : 0);
    body.set([own.length, continuation.length, flags], PER_REQUEST * index);
    body.set(own, end);
    body.set(continuation, end + own.length);
    end += own.length + continuation.length;
  });
  return body;
}

function unpack(body: Uint32Array, count: number): EncodedPair[] {
  const entries: EncodedPair[] = [];
  let end = PER_REQUEST * count;
  for (let index = 0; index < count; index += 1) {
    const [contextLength = 0, length = 0, flags = 0] = body.subarray(PER_REQUEST * index);
    const start = end + contextLength;
    const shared = (flags & CONTEXT_OF_PREVIOUS) !== 0;
    entries.push({
      context: shared ? entries[index - 1]!.context : Array.from(body.subarray(end, start)),
      continuation: Array.from(body.subarray(start, start + length)),
      boundaryMerge: (flags & BOUNDARY_MERGE) !== 0,
    });
    end = start + length;
  }
  return entries;
}
