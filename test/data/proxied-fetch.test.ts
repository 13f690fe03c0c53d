import http from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { proxiedFetch, proxyFor } from '../../src/data/proxied-fetch.js';
import { UserError } from '../../src/user-error.js';

const hub = new URL('https://hub.example/api');

test('the proxy of the protocol goes before ALL_PROXY, lower case before upper case', (t) => {
  const host = (url: URL, env: Record<string, string>) => proxyFor(url, env)?.host;
  t.is(host(hub, { HTTPS_PROXY: 'http://a:1', ALL_PROXY: 'http://b:2' }), 'a:1');
  t.is(host(hub, { HTTPS_PROXY: 'http://a:1', https_proxy: 'http://c:3' }), 'c:3');
  t.is(host(hub, { HTTP_PROXY: 'http://a:1', ALL_PROXY: 'http://b:2' }), 'b:2');
  t.is(host(new URL('http://hub.example'), { HTTP_PROXY: 'a:1' }), 'a:1');
  t.is(host(hub, { HTTPS_PROXY: '' }), undefined);
});

test('NO_PROXY excepts hosts, their subdomains, ports, or all', (t) => {
  const direct = (list: string, url = hub) => proxyFor(url, { ALL_PROXY: 'http://a:1', NO_PROXY: list }) === null;
  t.true(direct('hub.example'));
  t.true(direct('localhost, .example'));
  t.true(direct('*.example'));
  t.true(direct('*'));
  t.true(direct('hub.example:443'));
  t.false(direct('hub.example:8443'));
  t.false(direct('ub.example'));
  t.false(direct('localhost'));
});

test('a proxy of another kind is refused', (t) => {
  const error = t.throws(() => proxyFor(hub, { HTTPS_PROXY: 'socks5://a:1' }), { instanceOf: UserError });
  t.is(error.kind, 'usage');
});

/** Records what it is asked for; answers GETs itself, and CONNECTs with 407. */
async function startProxy(t: ExecutionContext) {
  const seen: (string | undefined)[][] = [];
  const record = ({ method, url, headers }: http.IncomingMessage) =>
    seen.push([method, url, headers.host, headers['proxy-authorization'], headers.range]);
  const server = http.createServer((request, response) => {
    record(request);
    response.writeHead(206, { etag: '"x"' }).end('through the proxy');
  });
  server.on('connect', (request, socket) => {
    record(request);
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  return { seen, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('http goes through the proxy with the whole address, the headers and the credentials', async (t) => {
  const proxy = await startProxy(t);
  const get = proxiedFetch({ HTTP_PROXY: `http://user:p%40ss@${proxy.host}` });
  const response = await get('http://hub.example/a?b=c', { headers: { range: 'bytes=1-' } });
  t.is(await response.text(), 'through the proxy');
  t.is(response.status, 206);
  t.is(response.headers.get('etag'), '"x"');
  const credentials = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;
  t.deepEqual(proxy.seen, [['GET', 'http://hub.example/a?b=c', 'hub.example', credentials, 'bytes=1-']]);
});

test('https asks the proxy for a tunnel, and names a proxy that refuses it', async (t) => {
  const proxy = await startProxy(t);
  const get = proxiedFetch({ HTTPS_PROXY: `http://${proxy.host}` });
  const error = await t.throwsAsync(get(hub), { instanceOf: UserError });
  t.is(error.message, `the proxy ${proxy.host} refuses a tunnel to hub.example:443: it answers 407`);
  t.deepEqual(proxy.seen, [['CONNECT', 'hub.example:443', 'hub.example:443', undefined, undefined]]);
});

test('what no proxy is for goes the direct way', async (t) => {
  const direct = async () => new Response('direct');
  t.is(await (await proxiedFetch({ NO_PROXY: '*', ALL_PROXY: 'http://a:1' }, direct)(hub)).text(), 'direct');
});
