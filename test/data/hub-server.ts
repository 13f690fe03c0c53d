// A local HTTP server that speaks the part of the Hugging Face hub's API that a pull uses: the tree of a repository with large-file
// digests, page by page, and files by `resolve`, large ones through a redirect to storage, with ranges.
import { createHash } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import type { Hub } from '../../src/data/hub-client.js';

/** Path to content, by revision, by repository. Files that do not end in `.jsonl` lie in large-file storage. */
export type Repositories = Record<string, Record<string, Record<string, Buffer | string>>>;

export interface SeenRequest {
  url: string;
  range: string | undefined;
  authorization: string | undefined;
}

export interface HubServer {
  readonly address: string;
  readonly seen: SeenRequest[];
  /** A client of this server that waits for nothing. */
  hub(changes?: Partial<Hub>): Hub;
}

/** Takes over an answer by returning true. `content` is the file that was asked for, null for anything else. */
export type Misbehaviour = (
  request: http.IncomingMessage,
  response: http.ServerResponse,
  content: Buffer | null,
) => boolean;

export async function startHub(
  t: ExecutionContext<unknown>,
  repositories: Repositories,
  { misbehave, storage }: { misbehave?: Misbehaviour; storage?: string } = {},
): Promise<HubServer> {
  const seen: SeenRequest[] = [];
  const stored = new Map<string, Buffer>();
  const server = http.createServer((request, response) => {
    const url = request.url ?? '';
    seen.push({ url, range: request.headers.range, authorization: request.headers.authorization });
    const content = contentOf(repositories, stored, url);
    if (misbehave?.(request, response, content) === true) return;
    if (url.startsWith('/api/')) sendTree(repositories, address, url, response);
    else if (content === null) end(response, 404, 'Entry not found');
    else if (url.startsWith('/storage/') || url.endsWith('.jsonl')) sendContent(content, request, response);
    else redirect(content, storage ?? '', stored, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const hub = (changes: Partial<Hub> = {}): Hub => ({
    endpoint: address,
    token: null,
    fetch,
    silence: 30_000,
    tries: 3,
    wait: async () => {},
    report: () => {},
    ...changes,
  });
  return { address, seen, hub };
}

function contentOf(repositories: Repositories, stored: Map<string, Buffer>, url: string): Buffer | null {
  const storedContent = stored.get(url);
  if (storedContent !== undefined) return storedContent;
  const [, repository, revision, file] = /^\/datasets\/(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(url) ?? [];
  const content =
    repositories[repository ?? '']?.[decodeURIComponent(revision ?? '')]?.[decodeURIComponent(file ?? '')];
  return content === undefined ? null : Buffer.from(content);
}

const PAGE = 2;

function sendTree(repositories: Repositories, address: string, url: string, response: http.ServerResponse): void {
  const { pathname, searchParams } = new URL(url, address);
  const [, repository, revision] = /^\/api\/datasets\/(.+)\/tree\/([^/]+)$/.exec(pathname) ?? [];
  const files = repositories[repository ?? '']?.[decodeURIComponent(revision ?? '')];
  if (files === undefined) return end(response, 404, '{"error":"Revision not found"}');
  const start = Number(searchParams.get('cursor') ?? 0);
  const entries = Object.entries(files).slice(start, start + PAGE);
  if (start + PAGE < Object.keys(files).length)
    response.setHeader('link', `<${address}${pathname}?recursive=true&cursor=${start + PAGE}>; rel="next"`);
  end(
    response,
    200,
    JSON.stringify([{ type: 'directory', path: 'data', size: 0, oid: '0'.repeat(40) }, ...entries.map(entry)]),
  );
}

function entry([path, text]: [string, Buffer | string]) {
  const content = Buffer.from(text);
  const oid = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
  const lfs = { oid: sha256(content), size: content.length, pointerSize: 130 };
  return { type: 'file', path, size: content.length, oid, ...(path.endsWith('.jsonl') ? {} : { lfs }) };
}

function redirect(content: Buffer, storage: string, stored: Map<string, Buffer>, response: http.ServerResponse): void {
  const place = `/storage/${sha256(content)}`;
  stored.set(place, content);
  response.setHeader('location', storage + place);
  response.setHeader('x-linked-etag', `"${sha256(content)}"`);
  end(response, 302, 'Found');
}

function sendContent(content: Buffer, request: http.IncomingMessage, response: http.ServerResponse): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (start > 0) response.setHeader('content-range', `bytes ${start}-${content.length - 1}/${content.length}`);
  end(response, start > 0 ? 206 : 200, content.subarray(start));
}

function end(response: http.ServerResponse, status: number, body: string | Buffer): void {
  response.writeHead(status, { 'content-length': Buffer.byteLength(body) }).end(body);
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
