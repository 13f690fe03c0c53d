import { mkdir, readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import type http from 'node:http';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { loadTask } from '../../src/data/load-task.js';
import { pullTask } from '../../src/data/pull-task.js';
import type { Cache } from '../../src/data/row-source.js';
import { UserError } from '../../src/user-error.js';
import { type Misbehaviour, type Repositories, startHub } from './hub-server.js';
import { temporaryDirectory } from './temporary-directory.js';
import { tinyJsonl, tinyRows, tinyTask } from './tiny-task.js';

const COPY = 'refs/convert/parquet';
const inCopy = (content: Buffer | string): Repositories => ({
  'someone/tiny': { [COPY]: { 'default/test/0000.parquet': content } },
});
const inMain = (content: Buffer | string): Repositories => ({
  'someone/tiny': { main: { 'data/test.jsonl': content } },
});

/** The rows as the hub stores ARC: a struct of two lists, and a 64-bit integer. */
function tinyParquet(rows = tinyRows): Buffer {
  const buffer = parquetWriteBuffer({
    columnData: [
      { name: 'question', data: rows.map(({ question }) => question) },
      { name: 'choices', data: rows.map(({ choices }) => choices) },
      { name: 'answer', data: rows.map(({ answer }) => BigInt(answer)) },
    ],
    schema: [
      { name: 'root', num_children: 3 },
      { name: 'question', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
      { name: 'choices', num_children: 1, repetition_type: 'REQUIRED' },
      { name: 'text', num_children: 1, converted_type: 'LIST', repetition_type: 'REQUIRED' },
      { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
      { name: 'element', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
      { name: 'answer', type: 'INT64', repetition_type: 'REQUIRED' },
    ],
  });
  return Buffer.from(buffer);
}

async function emptyCache(t: ExecutionContext): Promise<Cache> {
  return { kind: 'cache', path: await temporaryDirectory(t), offline: false };
}

async function filesIn(cache: Cache): Promise<string[]> {
  const entries = await readdir(cache.path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

async function failure(t: ExecutionContext, work: Promise<unknown>, message: RegExp): Promise<UserError> {
  const error = await t.throwsAsync(work, { instanceOf: UserError });
  t.regex(error.message, message);
  return error;
}

/**
 * Breaks the connection once 20 more bytes lie in `cache`, as often as told. Not sooner: a client is free to drop what it
 * has not read when the connection breaks.
 */
function cutting(times: number, cache: Cache): Misbehaviour {
  let left = times;
  return (request, response, content) => {
    if (content === null || !sendsContent(request) || left === 0) return false;
    left -= 1;
    const start = Number(/\d+/.exec(request.headers.range ?? '0')![0]);
    const rest = content.subarray(start);
    const range = { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` };
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': rest.length, ...(start > 0 ? range : {}) });
    response.write(rest.subarray(0, 20));
    void downloadHolds(start + 20, cache).finally(() => response.destroy());
    return true;
  };
}

/** Resolves when a file in `cache` has this size; after ten seconds in any case, for the test to say what is wrong. */
async function downloadHolds(size: number, cache: Cache): Promise<void> {
  const folder = path.join(cache.path, 'data', 'tiny');
  for (const start = performance.now(); performance.now() - start < 10_000; await setTimeout(5))
    for (const name of await readdir(folder)) {
      const found = await stat(path.join(folder, name)).catch(() => null);
      if (found?.size === size) return;
    }
}

/** Large files are redirected to storage first. */
function sendsContent({ url = '' }: http.IncomingMessage): boolean {
  return url.startsWith('/storage/') || url.endsWith('.jsonl');
}

/** Answers with a body whatever is asked. */
function saying(body: string | Buffer): Misbehaviour {
  return (_request, response) => {
    response.end(body);
    return true;
  };
}

/** Answers with a status whatever is asked, as often as told. */
function answering(status: number, times = Infinity): Misbehaviour {
  let left = times;
  return (_request, response) => {
    left -= 1;
    if (left < 0) return false;
    response.writeHead(status).end('no');
    return true;
  };
}

test("a benchmark comes from the hub's parquet copy, and lies as JSONL with the same requests in the cache", async (t) => {
  const server = await startHub(t, inCopy(tinyParquet()));
  const cache = await emptyCache(t);
  const file = await pullTask(tinyTask(), cache, { hub: server.hub(), force: false });
  t.is(file, path.join(cache.path, 'data', 'tiny', 'test.jsonl'));
  t.is(await readFile(file, 'utf8'), tinyJsonl);
  t.deepEqual(await filesIn(cache), ['test.jsonl']);
});

test('shards are joined in their order', async (t) => {
  const shards = { 'default/test/0001.parquet': tinyParquet(tinyRows.slice(1)), 'a.md': '', 'b.md': '' };
  const server = await startHub(t, {
    'someone/tiny': { [COPY]: { ...shards, 'default/test/0000.parquet': tinyParquet(tinyRows.slice(0, 1)) } },
  });
  const file = await pullTask(tinyTask(), await emptyCache(t), { hub: server.hub(), force: false });
  t.is(await readFile(file, 'utf8'), tinyJsonl);
});

test('a repository without a parquet copy gives its JSONL', async (t) => {
  const server = await startHub(t, inMain(tinyJsonl));
  const file = await pullTask(tinyTask(), await emptyCache(t), { hub: server.hub(), force: false });
  t.is(await readFile(file, 'utf8'), tinyJsonl);
});

test('pages of the hub become the text that the same pages are read from', async (t) => {
  const pages = [{ page: ' = Ferry = \n \n It left at six . \n' }, { page: ' = Lamp = \n It was lit . \n' }];
  const server = await startHub(t, inMain(pages.map((page) => JSON.stringify(page)).join('\n')));
  const task = tinyTask({ text: 'wikitext-pages', file: 'tiny/test.raw', rows: 2, digest: null });
  const cache = await emptyCache(t);
  await pullTask(task, cache, { hub: server.hub(), force: false });
  const { documents } = await loadTask(task, { ...cache, offline: true }, { allowPartial: false });
  t.deepEqual(
    documents.map(({ row }) => row),
    pages,
  );
});

test('a task that the cache lacks is pulled when it is loaded', async (t) => {
  const server = await startHub(t, inCopy(tinyParquet()));
  const loaded = await loadTask(tinyTask(), await emptyCache(t), { allowPartial: false, hub: server.hub() });
  t.is(loaded.label, null);
  t.is(loaded.documents.length, 3);
});

test('what is there and right is not fetched again, unless forced', async (t) => {
  const server = await startHub(t, inCopy(tinyParquet()));
  const cache = await emptyCache(t);
  const hub = server.hub();
  await pullTask(tinyTask(), cache, { hub, force: false });
  const requests = server.seen.length;
  await pullTask(tinyTask(), cache, { hub, force: false });
  t.is(server.seen.length, requests);
  await pullTask(tinyTask(), cache, { hub, force: true });
  t.is(server.seen.length, 2 * requests);
});

test('a damaged file in the cache is replaced', async (t) => {
  const server = await startHub(t, inCopy(tinyParquet()));
  const cache = await emptyCache(t);
  const file = path.join(cache.path, 'data', 'tiny', 'test.jsonl');
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, tinyJsonl.slice(0, 100));
  await pullTask(tinyTask(), cache, { hub: server.hub(), force: false });
  t.is(await readFile(file, 'utf8'), tinyJsonl);
});

test('a cut connection is taken up where it broke', async (t) => {
  const cache = await emptyCache(t);
  const server = await startHub(t, inCopy(tinyParquet()), { misbehave: cutting(2, cache) });
  const reports: string[] = [];
  const hub = server.hub({ report: (line) => reports.push(line) });
  const file = await pullTask(tinyTask(), cache, { hub, force: false });
  t.is(await readFile(file, 'utf8'), tinyJsonl);
  t.deepEqual(
    server.seen.filter(({ url }) => url.startsWith('/storage/')).map(({ range }) => range),
    [undefined, 'bytes=20-', 'bytes=40-'],
  );
  t.is(reports.filter((line) => line.endsWith('trying again')).length, 2);
});

test('a later pull goes on with what an earlier one got', async (t) => {
  const cache = await emptyCache(t);
  const server = await startHub(t, inCopy(tinyParquet()), { misbehave: cutting(3, cache) });
  const error = await failure(t, pullTask(tinyTask(), cache, { hub: server.hub(), force: false }), /\(3 tries\)$/);
  t.is(error.kind, 'data');
  t.regex((await filesIn(cache)).join(), /^\.[0-9a-f]{16}\.part$/);
  const file = await pullTask(tinyTask(), cache, { hub: server.hub(), force: false });
  t.is(await readFile(file, 'utf8'), tinyJsonl);
  t.is(server.seen.at(-1)!.range, 'bytes=60-');
  t.deepEqual(await filesIn(cache), ['test.jsonl']);
});

test('what a killed process left is taken up too', async (t) => {
  const cache = await emptyCache(t);
  const server = await startHub(t, inCopy(tinyParquet()), { misbehave: cutting(3, cache) });
  await failure(t, pullTask(tinyTask(), cache, { hub: server.hub(), force: false }), /tries/);
  const folder = path.join(cache.path, 'data', 'tiny');
  const [left] = await readdir(folder);
  await rename(path.join(folder, left!), path.join(folder, left!.replace('.part', '.99999999-00000000.part')));
  await pullTask(tinyTask(), cache, { hub: server.hub(), force: false });
  t.is(server.seen.at(-1)!.range, 'bytes=60-');
  t.deepEqual(await filesIn(cache), ['test.jsonl']);
});

test('a server that ignores the range sends the file from its beginning', async (t) => {
  const cache = await emptyCache(t);
  const cut = cutting(1, cache);
  const server = await startHub(t, inMain(tinyJsonl), {
    misbehave: (request, response, content) => {
      if (cut(request, response, content)) return true;
      delete request.headers.range;
      return false;
    },
  });
  const file = await pullTask(tinyTask(), cache, { hub: server.hub(), force: false });
  t.is(server.seen.at(-1)!.range, 'bytes=20-');
  t.is(await readFile(file, 'utf8'), tinyJsonl);
});

test('an error of the server is tried again', async (t) => {
  const server = await startHub(t, inCopy(tinyParquet()), { misbehave: answering(500, 2) });
  const file = await pullTask(tinyTask(), await emptyCache(t), { hub: server.hub(), force: false });
  t.is(await readFile(file, 'utf8'), tinyJsonl);
});

const refusals: [status: number, requests: number, message: RegExp, hint: RegExp][] = [
  [401, 1, /answers 401 \(a token is needed\)$/, /set HF_TOKEN/],
  [403, 1, /answers 403 \(no access\)$/, /accept the terms/],
  [404, 2, /has no dataset someone\/tiny \(it answers 404\)$/, /HF_ENDPOINT/],
  [418, 1, /answers 418, which is not what was asked for$/, /^$/],
  [429, 3, /answers 429 \(too many requests\) \(3 tries\)$/, /later/],
  [503, 3, /answers 503 \(server error\) \(3 tries\)$/, /later/],
];
for (const [status, requests, message, hint] of refusals)
  test(`a hub that always answers ${status} is an error after ${requests} requests, and leaves nothing`, async (t) => {
    const server = await startHub(t, {}, { misbehave: answering(status) });
    const cache = await emptyCache(t);
    const error = await failure(t, pullTask(tinyTask(), cache, { hub: server.hub(), force: false }), message);
    t.is(error.kind, 'data');
    t.regex(error.hint ?? '', hint);
    t.is(server.seen.length, requests);
    t.deepEqual(await filesIn(cache), []);
  });

test('a server that asks for a pause gets it', async (t) => {
  let asked = false;
  const server = await startHub(t, inCopy(tinyParquet()), {
    misbehave: (_request, response) => {
      if (asked) return false;
      asked = true;
      response.writeHead(429, { 'retry-after': '7' }).end();
      return true;
    },
  });
  const pauses: number[] = [];
  const hub = server.hub({ wait: async (milliseconds) => void pauses.push(milliseconds) });
  await pullTask(tinyTask(), await emptyCache(t), { hub, force: false });
  t.deepEqual(pauses, [7000]);
});

test('a hub that does not answer is an error once it has been silent for long enough', async (t) => {
  const server = await startHub(t, {}, { misbehave: () => true });
  const pull = pullTask(tinyTask(), await emptyCache(t), { hub: server.hub({ silence: 50 }), force: false });
  await failure(t, pull, /fell silent \(3 tries\)$/);
});

test('a hub that falls silent in the middle of a file is asked for the rest', async (t) => {
  const server = await startHub(t, inCopy(tinyParquet()), {
    misbehave: (request, response, content) => {
      if (content === null || !sendsContent(request) || request.headers.range !== undefined) return false;
      response.writeHead(200, { 'content-length': content.length }).write(content.subarray(0, 30));
      return true;
    },
  });
  await pullTask(tinyTask(), await emptyCache(t), { hub: server.hub({ silence: 1000, tries: 10 }), force: false });
  t.is(server.seen.at(-1)!.range, 'bytes=30-');
});

test('a hub that cannot be reached is named', async (t) => {
  const hub = (await startHub(t, {})).hub({ endpoint: 'http://127.0.0.1:1' });
  const pull = pullTask(tinyTask(), await emptyCache(t), { hub, force: false });
  await failure(t, pull, /^http:\/\/127\.0\.0\.1:1\/\S+ cannot be reached: .*\(3 tries\)$/);
});

test('a hub that answers with a web page is an error', async (t) => {
  const server = await startHub(t, {}, { misbehave: saying('<html>Sign in</html>') });
  const pull = pullTask(tinyTask(), await emptyCache(t), { hub: server.hub(), force: false });
  await failure(t, pull, /does not answer with a list of the files of someone\/tiny$/);
});

for (const [what, spoil, message] of [
  ['other bytes', (content: Buffer) => Buffer.from(content).fill(65, 10, 12), /sends the wrong bytes: sha256 /],
  ['more bytes', (content: Buffer) => Buffer.concat([content, content]), /sends the wrong bytes: more than the \d+/],
] as const)
  test(`a file of ${what} than the hub lists is an error and leaves nothing`, async (t) => {
    const server = await startHub(t, inCopy(tinyParquet()), {
      misbehave: (request, response, content) => {
        if (content === null || !sendsContent(request)) return false;
        response.end(spoil(content));
        return true;
      },
    });
    const cache = await emptyCache(t);
    await failure(t, pullTask(tinyTask(), cache, { hub: server.hub(), force: false }), message);
    t.deepEqual(await filesIn(cache), []);
  });

test('a small file is checked against its git blob id', async (t) => {
  const server = await startHub(t, inMain(tinyJsonl), {
    misbehave: (_request, response, content) => {
      if (content === null) return false;
      response.end(tinyJsonl.replace('heron', 'goose'));
      return true;
    },
  });
  const pull = pullTask(tinyTask(), await emptyCache(t), { hub: server.hub(), force: false });
  await failure(t, pull, /sends the wrong bytes: git-blob /);
});

test('rows that are not the benchmark do not get into the cache', async (t) => {
  for (const [rows, message] of [
    [tinyRows.slice(1), /^someone\/tiny has 2 rows, expected 3$/],
    [tinyRows.toReversed(), /^someone\/tiny gives requests with digest [0-9a-f]{64}, expected [0-9a-f]{64}$/],
  ] as const) {
    const server = await startHub(t, inCopy(tinyParquet(rows)));
    const cache = await emptyCache(t);
    await failure(t, pullTask(tinyTask(), cache, { hub: server.hub(), force: false }), message);
    t.deepEqual(await filesIn(cache), []);
  }
});

test('a parquet file that is none is named', async (t) => {
  const server = await startHub(t, inCopy('PAR1 but not really'));
  const cache = await emptyCache(t);
  const pull = pullTask(tinyTask(), cache, { hub: server.hub(), force: false });
  await failure(t, pull, /^someone\/tiny\/default\/test\/0000\.parquet is no readable parquet file/);
  t.deepEqual(await filesIn(cache), []);
});

test('offline, nothing is asked for, and the missing file is named', async (t) => {
  const server = await startHub(t, inCopy(tinyParquet()));
  const cache = { ...(await emptyCache(t)), offline: true };
  await failure(t, pullTask(tinyTask(), cache, { hub: server.hub(), force: false }), /^tiny\/test\.jsonl is not in /);
  const load = loadTask(tinyTask(), cache, { allowPartial: false, hub: server.hub() });
  await failure(t, load, /^tiny\/test\.jsonl is not in /);
  t.is(server.seen.length, 0);
});

test('the token goes to the hub, and not to the storage that it redirects to', async (t) => {
  const content = tinyParquet();
  const storage = await startHub(t, {}, { misbehave: saying(content) });
  const server = await startHub(t, inCopy(content), { storage: storage.address });
  await pullTask(tinyTask(), await emptyCache(t), { hub: server.hub({ token: 'hf_secret' }), force: false });
  t.deepEqual(new Set(server.seen.map(({ authorization }) => authorization)), new Set(['Bearer hf_secret']));
  t.deepEqual(
    storage.seen.map(({ authorization }) => authorization),
    [undefined],
  );
});

test('names of the hub never become paths', async (t) => {
  for (const name of ['../../escaped/test/0.parquet', '/escaped/test/0.parquet', '..\\..\\escaped/test/0.parquet']) {
    const server = await startHub(
      t,
      { 'someone/tiny': { [COPY]: { [name]: tinyParquet() } } },
      // Whatever path is asked for: a client makes an address of `../..`.
      { misbehave: (request, ...rest) => !request.url!.startsWith('/api/') && saying(tinyParquet())(request, ...rest) },
    );
    const outer = await temporaryDirectory(t);
    const cache = { kind: 'cache', path: path.join(outer, 'a', 'cache'), offline: false } as const;
    await pullTask(tinyTask({ config: name.split('/test')[0]! }), cache, { hub: server.hub(), force: false });
    t.deepEqual(await filesIn({ ...cache, path: outer }), ['test.jsonl']);
  }
});

test('a listing with a digest that is none is refused', async (t) => {
  const entry = { type: 'file', path: 'test.jsonl', size: 1, oid: '../../../../../etc' };
  const server = await startHub(t, {}, { misbehave: saying(JSON.stringify([entry])) });
  const pull = pullTask(tinyTask(), await emptyCache(t), { hub: server.hub(), force: false });
  await failure(t, pull, /does not answer with a list/);
});

test('a task file that would lie outside the cache is refused', async (t) => {
  const server = await startHub(t, inCopy(tinyParquet()));
  const cache = await emptyCache(t);
  const pull = pullTask(tinyTask({ file: '../../outside.jsonl' }), cache, { hub: server.hub(), force: false });
  await failure(t, pull, /would lie outside/);
});

test('two pulls of one file at once both succeed, and leave the one file', async (t) => {
  const cache = await emptyCache(t);
  const server = await startHub(t, inCopy(tinyParquet()), { misbehave: cutting(1, cache) });
  const pull = () => pullTask(tinyTask(), cache, { hub: server.hub(), force: true });
  const [first, second] = await Promise.all([pull(), pull()]);
  t.is(first, second);
  t.is(await readFile(first, 'utf8'), tinyJsonl);
  t.deepEqual(await filesIn(cache), ['test.jsonl']);
});

test('a cache that cannot be written is an error of its own', async (t) => {
  const server = await startHub(t, inCopy(tinyParquet()));
  const cache = await emptyCache(t);
  await writeFile(path.join(cache.path, 'data'), 'a file where a folder should be');
  const error = await failure(
    t,
    pullTask(tinyTask(), cache, { hub: server.hub(), force: false }),
    /^the cache cannot be written: /,
  );
  t.is(error.kind, 'failure');
});
