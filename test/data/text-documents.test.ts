import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { digestFile, readDocuments, type TextPiece } from '../../src/data/text-documents.js';
import { UserError } from '../../src/user-error.js';
import { temporaryDirectory } from './temporary-directory.js';

async function fileWith(t: ExecutionContext, name: string, content: string | Buffer): Promise<string> {
  const file = path.join(await temporaryDirectory(t), name);
  await writeFile(file, content);
  return file;
}

async function documents(file: string): Promise<string[]> {
  const read: string[] = [];
  let begun = '';
  for await (const { text, last } of readDocuments(file, 'text')) {
    begun += text;
    if (!last) continue;
    read.push(begun);
    begun = '';
  }
  return read;
}

/** Longer than a block, with characters of 1 to 4 bytes, so that blocks end inside of one. */
const long = 'aé\u4e8c\u{1f514}'.repeat(100_000);

test('a text file is one document, plain or gzipped, wherever its blocks end', async (t) => {
  for (const shift of ['', 'x', 'xx', 'xxx']) {
    t.true((await documents(await fileWith(t, 'a.txt', shift + long)))[0] === shift + long);
    t.deepEqual((await documents(await fileWith(t, 'a.txt.gz', gzipSync(shift + long)))).length, 1);
  }
});

test('each line of a .jsonl file is a document, and blank lines and empty texts are none', async (t) => {
  const lines = [long, 'two', ''].map((text) => JSON.stringify({ text, id: 1 }));
  const content = `${lines[0]}\n\n${lines[1]}\r\n${lines[2]}`;
  t.deepEqual(await documents(await fileWith(t, 'a.jsonl', content)), [long, 'two']);
  t.deepEqual(await documents(await fileWith(t, 'a.jsonl.gz', gzipSync(content))), [long, 'two']);
});

test('a byte order mark is no text', async (t) => {
  t.deepEqual(await documents(await fileWith(t, 'a.txt', '\ufeffbell')), ['bell']);
});

test('the bytes that are told of are those of the stored file', async (t) => {
  const packed = gzipSync(long);
  const file = await fileWith(t, 'a.txt.gz', packed);
  let bytes = 0;
  for await (const piece of readDocuments(file, 'text', (count) => (bytes += count))) t.is(piece.where, file);
  t.is(bytes, packed.length);
});

async function piecesOf(file: string): Promise<TextPiece[]> {
  const pieces: TextPiece[] = [];
  for await (const piece of readDocuments(file, 'text')) pieces.push(piece);
  return pieces;
}

const LONG = 'Wörter und 🙂 Zeichen, '.repeat(20_000);

test('a text file is one document in pieces, cut between words', async (t) => {
  for (const [name, content] of [
    ['long.txt', LONG],
    ['long.txt.gz', gzipSync(LONG)],
  ] as const) {
    const pieces = await piecesOf(await fileWith(t, name, content));
    t.true(pieces.length > 5);
    t.is(pieces.map(({ text }) => text).join(''), LONG);
    t.deepEqual(
      pieces.map(({ last }) => last),
      pieces.map((_, k) => k === pieces.length - 1),
    );
    for (const { text } of pieces.slice(1)) t.regex(text, /^\s/);
  }
});

test('a text without a space is cut between characters', async (t) => {
  const text = 'x' + '🙂'.repeat(70_000);
  const pieces = await piecesOf(await fileWith(t, 'long.txt', text));
  t.is(pieces.map((piece) => piece.text).join(''), text);
  for (const piece of pieces) t.is(Buffer.from(piece.text).toString(), piece.text);
});

test('a digest is of the file as it is stored', async (t) => {
  const { bytes, sha256 } = await digestFile(await fileWith(t, 'a.txt', 'abc'));
  t.is(bytes, 3);
  t.is(sha256, 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

const lines = 'bell\n'.repeat(100_000);
const bad: [name: string, content: string | Buffer, message: RegExp][] = [
  ['empty.txt', '', /empty\.txt is empty$/],
  ['empty.jsonl.gz', gzipSync(''), /empty\.jsonl\.gz is empty$/],
  ['nothing.txt.gz', '', /nothing\.txt\.gz is empty$/],
  ['nul.txt', `${lines}a\0b`, /nul\.txt:100001 holds a NUL byte$/],
  [
    'latin.txt',
    Buffer.concat([Buffer.from(lines), Buffer.from([0x61, 0xe9, 0x0a])]),
    /latin\.txt:100001 is not UTF-8 text$/,
  ],
  ['cut.txt', Buffer.from('\u{1f514}').subarray(0, 3), /cut\.txt:1 is not UTF-8 text$/],
  ['cut.txt.gz', gzipSync(long).subarray(0, 500), /cut\.txt\.gz is cut short: its gzip stream has no end$/],
  ['plain.txt.gz', 'bell', /plain\.txt\.gz is no intact gzip file: /],
  ['a.jsonl', '{"text":"a\\u0000"}', /a\.jsonl:1 holds a NUL character$/],
  ['a.jsonl', '{"text":"a"}\nbell', /a\.jsonl:2 is not JSON: /],
  ['a.jsonl', '{"text":"a"}\n{"title":"a"}', /a\.jsonl:2 has no text in "text": it has title$/],
];
for (const [name, content, message] of bad)
  test(`${name} is refused: ${message.source}`, async (t) => {
    const file = await fileWith(t, name, content);
    const error = await t.throwsAsync(documents(file), { instanceOf: UserError, message });
    t.is(error?.kind, 'data');
    t.regex(error?.where ?? '', new RegExp(`^${file}`));
  });

test('a file that is not there, and a directory, are errors', async (t) => {
  const directory = await temporaryDirectory(t);
  const missing = path.join(directory, 'a.txt.gz');
  await t.throwsAsync(documents(missing), { message: `cannot read ${missing}: it does not exist` });
  await t.throwsAsync(documents(directory), { message: `cannot read ${directory}: it is a directory` });
});
