import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { formatRows, parseRows, readRows } from '../../src/data/rows.js';
import { UserError } from '../../src/user-error.js';
import { temporaryDirectory } from './temporary-directory.js';
import { tinyJsonl, tinyRows } from './tiny-task.js';

test('JSONL rows carry the line they stand on, and blank lines count as lines but not as rows', (t) => {
  const rows = parseRows('jsonl', '{"a":1}\n\n{"a":2}\r\n', 'f.jsonl');
  t.deepEqual(rows, [
    { value: { a: 1 }, where: 'f.jsonl:1' },
    { value: { a: 2 }, where: 'f.jsonl:3' },
  ]);
});

test('gzipped and plain JSONL give the same rows', async (t) => {
  const directory = await temporaryDirectory(t);
  const plain = path.join(directory, 'rows.jsonl');
  await writeFile(plain, tinyJsonl);
  await writeFile(`${plain}.gz`, gzipSync(tinyJsonl));
  const values = async (file: string) => (await readRows('jsonl', file)).map(({ value }) => value);
  t.deepEqual(await values(plain), tinyRows);
  t.deepEqual(await values(`${plain}.gz`), tinyRows);
});

test('each line of a text file is a row, the empty text after the last line end is none', (t) => {
  t.deepEqual(parseRows('lines', 'one\n two \n', 'f.txt'), [
    { value: { text: 'one' }, where: 'f.txt:1' },
    { value: { text: ' two ' }, where: 'f.txt:2' },
  ]);
});

test('WikiText rows are pages, with the line that each starts on', (t) => {
  const rows = parseRows('wikitext-pages', ' \n = One = \n \n = = Part = = \n = Two = \n', 'w.raw');
  t.deepEqual(rows, [
    { value: { page: ' = One = \n \n = = Part = = ' }, where: 'w.raw:2' },
    { value: { page: ' = Two = \n' }, where: 'w.raw:5' },
  ]);
});

test('formatRows writes what parseRows reads back, in every format', (t) => {
  const rows = {
    jsonl: tinyRows,
    lines: [{ text: 'a b' }, { text: ' c' }],
    'wikitext-pages': [{ page: ' = One = \n x' }, { page: ' = Two = \n y\n' }],
  };
  for (const format of ['jsonl', 'lines', 'wikitext-pages'] as const) {
    const text = formatRows(
      format,
      rows[format].map((value) => ({ value, where: '' })),
    );
    t.deepEqual(
      parseRows(format, text, 'f').map(({ value }) => value),
      rows[format],
    );
  }
});

test('a row that is not JSON is named with its file and line', (t) => {
  const error = t.throws(() => parseRows('jsonl', '{"a":1}\n{"a":\n', 'dir/f.jsonl'), { instanceOf: UserError });
  t.is(error.kind, 'data');
  t.is(error.where, 'dir/f.jsonl:2');
  t.regex(error.message, /^dir\/f\.jsonl:2 is not JSON/);
});

test('a JSON row that is no object is named with its file and line', (t) => {
  const error = t.throws(() => parseRows('jsonl', '{"a":1}\n[1]\n', 'f.jsonl'), { instanceOf: UserError });
  t.is(error.message, 'f.jsonl:2 is not a JSON object');
});

const latin1 = Buffer.from('é"}\n', 'latin1');
const damaged: [what: string, name: string, content: Buffer, message: RegExp][] = [
  ['an empty file', 'f.jsonl', Buffer.alloc(0), /f\.jsonl is empty$/],
  ['an empty gzip file', 'f.jsonl.gz', Buffer.alloc(0), /f\.jsonl\.gz is empty$/],
  ['a gzip stream of nothing', 'f.jsonl.gz', gzipSync(''), /f\.jsonl\.gz is empty$/],
  ['a truncated gzip file', 'f.jsonl.gz', gzipSync(tinyJsonl).subarray(0, 60), /is cut short/],
  ['a gzip file with a flipped bit', 'f.jsonl.gz', flipped(gzipSync(tinyJsonl)), /is no intact gzip file/],
  ['plain text named .gz', 'f.jsonl.gz', Buffer.from(tinyJsonl), /is no intact gzip file/],
  [
    'a file that is not UTF-8',
    'f.jsonl',
    Buffer.concat([Buffer.from('{"a":"é\ufffd"}\n{"a":"'), latin1]),
    /f\.jsonl:2 is not UTF-8/,
  ],
];

for (const [what, name, content, message] of damaged)
  test(`${what} is an error of its own`, async (t) => {
    const file = path.join(await temporaryDirectory(t), name);
    await writeFile(file, content);
    const error = await t.throwsAsync(readRows('jsonl', file), { instanceOf: UserError });
    t.is(error.kind, 'data');
    t.regex(error.message, message);
  });

function flipped(bytes: Buffer): Buffer {
  bytes[bytes.length - 6]! ^= 1; // in the checksum
  return bytes;
}
