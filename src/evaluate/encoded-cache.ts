// Token ids of a task's requests, kept on disk: the second run with the same requests, tokenizer and options encodes nothing.
// One file for each such combination, named after its SHA-256; one that is damaged, or of another version, is written anew.
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readBuildInfo } from '../package-root.js';
import type { Request } from '../tasks/task.js';
import type { Tokenizer } from '../tokenizers/tokenizer.js';
import { UserError } from '../user-error.js';
import { createPairEncoder, prefixTokenOf } from './encode-pair.js';
import type { EncodedPair } from './encode-pair.js';
import { createRollingEncoder, rollingWindows } from './rolling-windows.js';
import type { RollingOptions, RollingWindow } from './rolling-windows.js';

/** Requests as token ids, for one tokenizer, set of options and model. */
export interface RequestEncoder {
  readonly pair: (context: string, continuation: string) => EncodedPair;
  /** Windows over a rolling text: each of its tokens is in one continuation. */
  readonly windows: (text: string) => RollingWindow[];
}

export interface EncoderSettings {
  readonly tokenizer: Tokenizer;
  readonly options: RollingOptions;
  /** Longest input of the model in tokens. */
  readonly maxLength: number;
}

export function createRequestEncoder({ tokenizer, options, maxLength }: EncoderSettings): RequestEncoder {
  const encodeRolling = createRollingEncoder(tokenizer, options);
  return {
    pair: createPairEncoder(tokenizer, options),
    windows: (text) => rollingWindows(encodeRolling(text), prefixTokenOf(tokenizer, options), maxLength),
  };
}

/**
 * The same encoder, which has the answers for `requests` from a file below `cacheDirectory`, after writing it if need be.
 * @throws UserError 'data' when the file cannot be written
 */
export async function createCachedRequestEncoder(
  requests: readonly Request[],
  settings: EncoderSettings,
  cacheDirectory: string,
): Promise<RequestEncoder> {
  const encoder = createRequestEncoder(settings);
  const { tokenizer, options, maxLength } = settings;
  const key = cacheKey(requests, tokenizer, options);
  const file = path.join(cacheDirectory, 'encoded', `${key}.ids`);
  let entries = await readEntries(file, key, requests.length);
  if (entries === null) {
    const encodeRolling = createRollingEncoder(tokenizer, options);
    entries = requests.map((request) => entryOf(request, encoder.pair, encodeRolling));
    await writeEntries(file, key, entries);
  }
  const known = new Map(requests.map((request, index) => [requestKey(request), entries[index]!]));
  return {
    pair: (context, continuation) =>
      known.get(requestKey({ kind: 'loglikelihood', context, continuation })) ?? encoder.pair(context, continuation),
    windows(text) {
      const entry = known.get(requestKey({ kind: 'rolling', text }));
      if (entry === undefined) return encoder.windows(text);
      return rollingWindows(entry.continuation, prefixTokenOf(tokenizer, options), maxLength);
    },
  };
}

function entryOf(
  request: Request,
  encodePair: RequestEncoder['pair'],
  encodeRolling: (text: string) => number[],
): EncodedPair {
  switch (request.kind) {
    case 'loglikelihood':
      return encodePair(request.context, request.continuation);
    case 'rolling':
      return { context: [], continuation: encodeRolling(request.text), boundaryMerge: false };
    default:
      return request satisfies never;
  }
}

/** Everything that decides the ids. The longest input does not: windows are cut when they are asked for. */
function cacheKey(
  requests: readonly Request[],
  { fingerprint }: Tokenizer,
  { bos, prefixToken, compat }: RollingOptions,
): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([FORMAT, readBuildInfo().version, fingerprint, bos, prefixToken ?? null, compat ?? null]));
  for (const request of requests) hash.update(requestKey(request)).update('\n');
  return hash.digest('hex');
}

/** Two requests with one key are the same request. */
function requestKey(request: Request): string {
  switch (request.kind) {
    case 'loglikelihood':
      return `pair ${request.context.length} ${request.continuation.length} ${request.context}${request.continuation}`;
    case 'rolling':
      return `rolling ${request.text.length} ${request.text}`;
    default:
      return request satisfies never;
  }
}

/** Changes whenever the file format or the encoding itself does. */
const FORMAT = 1;
/** "SWAT", so that a file of a machine with the other byte order is not taken for one of ours. */
const MAGIC = 0x53574154;
/** A file is Uint32: magic, number of requests, 8 of the key, 8 of the SHA-256 of all that follows; three a request; ids. */
const HEADER = 18;
const PER_REQUEST = 3;
/** Bits of a request's third number; the first two count its own ids of context and continuation. */
const BOUNDARY_MERGE = 1;
const CONTEXT_OF_PREVIOUS = 2;

async function readEntries(file: string, key: string, count: number): Promise<EncodedPair[] | null> {
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

async function writeEntries(file: string, key: string, entries: readonly EncodedPair[]): Promise<void> {
  const body = pack(entries);
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(temporary, [bytesOf(headerOf(key, entries.length, body)), bytesOf(body)]);
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new UserError('data', `the encoded requests cannot be kept: ${(cause as Error).message}`, {
      where: file,
      hint: 'a cache directory that can be written to',
      cause,
    });
  }
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
