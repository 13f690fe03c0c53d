import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { digestFile, readDocuments, type TextPiece } from '../../src/data/text-documents.js';
import { UserError } from '../../src/user-error.js';
import { temporaryDirectory } from './temporary-directory.js';

async function fileOf(t: ExecutionContext, name: string, content: string | Buffer): Promise<string> {
  const file = path.join(await temporaryDirectory(t), name);
  await writeFile(file, content);
  return file;
}

async function piecesOf(file: string, field = 'text') {
  const pieces: TextPiece[] = [];
  for await (const piece of readDocuments(file, field)) pieces.push(piece);
  return pieces;
}

const LONG = 'Wörter und 🙂 Zeichen, '.repeat(20_000);

test('a text file is one document in pieces, cut between words', async (t) => {
  for (const [name, content] of [
    ['long.txt', LONG],
    ['long.txt.gz', gzipSync(LONG)],
  ] as const) {
    const pieces = await piecesOf(await fileOf(t, name, content));
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
  const pieces = await piecesOf(await fileOf(t, 'long.txt', text));
  t.is(pieces.map((piece) => piece.text).join(''), text);
  for (const piece of pieces) t.is(Buffer.from(piece.text).toString(), piece.text);
});

test('every JSON line with text is a document', async (t) => {
  const file = await fileOf(t, 'rows.jsonl', '{"text": "one"}\n\n{"text": ""}\n{"text": "two\\nlines"}');
  t.deepEqual(await piecesOf(file), [
    { text: 'one', last: true },
    { text: 'two\nlines', last: true },
  ]);
});

test('a digest is of the file as it is stored', async (t) => {
  const { bytes, sha256 } = await digestFile(await fileOf(t, 'a.txt', 'abc'));
  t.is(bytes, 3);
  t.is(sha256, 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

const lines = (count: number) => 'a line of text\n'.repeat(count);
const broken = Buffer.concat([Buffer.from(lines(30_000)), Buffer.from([0x61, 0xff, 0x0a]), Buffer.from(lines(5))]);

const mistakes: [what: string, name: string, content: string | Buffer, sentence: RegExp][] = [
  ['an empty file', 'a.txt', '', /a\.txt is empty/],
  ['a gzipped nothing', 'a.txt.gz', gzipSync(''), /a\.txt\.gz is empty/],
  ['NUL bytes', 'a.txt', `${lines(20_000)}b\0c`, /a\.txt:20001 holds a NUL byte/],
  ['NUL in JSON', 'a.jsonl', '{"text": "a\\u0000"}', /a\.jsonl:1 holds a NUL character/],
  ['invalid UTF-8', 'a.txt', broken, /a\.txt:30001 is not UTF-8 text/],
  ['a character cut off at the end', 'a.txt', Buffer.from('two\nlinesä').subarray(0, 10), /a\.txt:2 is not UTF-8/],
  ['gzip that is cut short', 'a.txt.gz', gzipSync(LONG).subarray(0, 100), /is cut short/],
  ['gzip that is none', 'a.txt.gz', 'no gzip', /is no intact gzip file/],
  ['a line that is no JSON', 'a.jsonl', '{"text": "a"}\n{"text"', /a\.jsonl:2 is not JSON/],
  ['another field', 'a.jsonl', '{"body": "a"}', /a\.jsonl:1 has no text in "text": it has body/],
];

for (const [what, name, content, sentence] of mistakes)
  test(`${what}: an error of one sentence that says where`, async (t) => {
    const file = await fileOf(t, name, content);
    const error = await t.throwsAsync(piecesOf(file), { instanceOf: UserError, message: sentence });
    t.is(error.kind, 'data');
  });
