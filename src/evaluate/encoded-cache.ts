// Token ids of a task's requests, kept on disk: the second run with the same requests, tokenizer and options encodes nothing.
// One file for each such combination, named after its SHA-256; one that is damaged, or of another version, is written anew.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { readBuildInfo } from '../package-root.js';
import type { Request } from '../tasks/task.js';
import type { Tokenizer } from '../tokenizers/tokenizer.js';
import { prefixTokenOf } from './encode-pair.js';
import type { EncodedPair } from './encode-pair.js';
import { readEncodedFile, writeEncodedFile } from './encoded-file.js';
import { createRequestEncoder } from './request-encoder.js';
import type { EncoderSettings, RequestEncoder } from './request-encoder.js';
import { createRollingEncoder, rollingWindows } from './rolling-windows.js';
import type { RollingOptions } from './rolling-windows.js';

/** Changes whenever the encoding, or the file format, does. */
const FORMAT = 1;

/**
 * A request encoder that has the answers for `requests` from a file below `cacheDirectory`, after writing it if need be.
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
  let entries = await readEncodedFile(file, key, requests.length);
  if (entries === null) {
    const encodeRolling = createRollingEncoder(tokenizer, options);
    entries = requests.map((request) => entryOf(request, encoder.pair, encodeRolling));
    await writeEncodedFile(file, key, entries);
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
