// `fetch` that honours HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY (either case): Node's own fetch ignores them by default.
// For GET requests. https goes through a CONNECT tunnel (RFC 9110, 9.3.6), http by the absolute form of the target.
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import tls from 'node:tls';
import { UserError } from '../user-error.js';

type Environment = Readonly<Record<string, string | undefined>>;

export function proxiedFetch(env: Environment, direct: typeof fetch = fetch): typeof fetch {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const proxy = proxyFor(url, env);
    if (proxy === null) return direct(input, init);
    const headers = Object.fromEntries(new Headers(init?.headers));
    return respond(await send(url, proxy, headers, init?.signal ?? undefined));
  };
}

/** @throws UserError 'usage' when the variable holds another kind of proxy. */
export function proxyFor(url: URL, env: Environment): URL | null {
  const variable = (name: string) => env[name.toLowerCase()] || env[name];
  const address = variable(url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY') ?? variable('ALL_PROXY');
  if (address === undefined || address === '' || isExcepted(url, variable('NO_PROXY') ?? '')) return null;
  const full = address.includes('://') ? address : `http://${address}`;
  if (!/^https?:/i.test(full) || !URL.canParse(full))
    throw new UserError('usage', 'the proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY is not an http:// or https:// URL');
  return new URL(full);
}

/** NO_PROXY is a list of hosts, each with its subdomains and perhaps a port; `*` stands for all. */
function isExcepted(url: URL, list: string): boolean {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, host = '', entryPort] = /^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(entry.toLowerCase())!;
      const sameHost = url.hostname === host || url.hostname.endsWith(`.${host}`);
      return sameHost && (entryPort === undefined || entryPort === port);
    });
}

async function send(
  url: URL,
  proxy: URL,
  headers: Record<string, string>,
  signal: AbortSignal | undefined,
): Promise<http.IncomingMessage> {
  const common = signal === undefined ? {} : { signal };
  if (url.protocol === 'https:') {
    const socket = await openTunnel(url, proxy, common);
    const createConnection = () => tls.connect({ socket, servername: url.hostname });
    return answer(https.request(url, { ...common, headers, createConnection }));
  }
  const toProxy = { ...common, headers: { ...headers, host: url.host, ...credentials(proxy) }, path: url.href };
  return answer(clientFor(proxy).request(proxy, toProxy));
}

async function openTunnel(url: URL, proxy: URL, common: { signal?: AbortSignal }): Promise<Socket> {
  const target = `${url.hostname}:${url.port || '443'}`;
  const headers = { host: target, ...credentials(proxy) };
  const request = clientFor(proxy).request(proxy, { ...common, method: 'CONNECT', path: target, headers });
  const [response, socket] = await new Promise<[http.IncomingMessage, Socket]>((resolve, reject) => {
    request.once('connect', (message, stream) => resolve([message, stream]));
    request.once('error', reject);
    request.end();
  });
  if (response.statusCode === 200) return socket;
  socket.destroy();
  throw new UserError(
    'data',
    `the proxy ${proxy.host} refuses a tunnel to ${target}: it answers ${response.statusCode}`,
    {
      hint: 'check HTTPS_PROXY (http://user:password@host:port) and NO_PROXY',
    },
  );
}

function answer(request: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', reject);
    request.end();
  });
}

function clientFor(proxy: URL): typeof http | typeof https {
  return proxy.protocol === 'https:' ? https : http;
}

function credentials({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}

function respond(message: http.IncomingMessage): Response {
  const status = message.statusCode!;
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headersDistinct))
    for (const one of value ?? []) headers.append(name, one);
  const hasBody = ![204, 205, 304].includes(status);
  return new Response(hasBody ? (Readable.toWeb(message) as ReadableStream<Uint8Array>) : null, { status, headers });
}
