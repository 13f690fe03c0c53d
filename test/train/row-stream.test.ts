import { readdir, rm } from 'node:fs/promises';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import path from 'node:path';
import { RowStream } from '../../src/train/row-stream.js';
import { epochOrder } from '../../src/train/shuffle.js';
import { TokenFile, writeTokenFile, type Piece } from '../../src/train/token-file.js';
import { byteTokenizer } from '../../src/tokenizers/byte-tokenizer.js';
import type { Tokenizer } from '../../src/tokenizers/tokenizer.js';
import { UserError } from '../../src/user-error.js';
import { temporaryDirectory } from './fake-training.js';

/** Ids are the numbers that the text is made of, so that every token of a corpus can be told from every other. */
const numbers: Tokenizer = {
  ...byteTokenizer,
  vocabularySize: 100_000,
  eosTokenId: 99_999,
  encode: (text) => (text === '' ? [] : text.split(' ').map(Number)),
};

async function tokenFile(t: ExecutionContext, documents: readonly string[], tokenizer = numbers): Promise<TokenFile> {
  const pieces = documents.map((text): Piece => ({ text, last: true }));
  const directory = path.join(temporaryDirectory(t), 'tokens');
  await writeTokenFile(directory, tokenizer, pieces);
  const file = TokenFile.open(directory)!;
  t.teardown(() => file.close());
  return file;
}

const counted = (count: number) => Array.from({ length: count }, (_, k) => k).join(' ');

test('an order visits every row once, whatever their number', (t) => {
  for (const count of [1, 2, 3, 4, 5, 17, 64, 65, 1000])
    for (const epoch of [0, 1]) {
      const order = epochOrder(7, epoch, count);
      const rows = Array.from({ length: count }, (_, position) => order.rowAt(position));
      t.is(new Set(rows).size, count);
      t.true(rows.every((row) => row >= 0 && row < count));
    }
});

test('orders of seeds and epochs differ, and are no shift of each other', (t) => {
  const orderOf = (seed: number, epoch: number) => {
    const order = epochOrder(seed, epoch, 500);
    return Array.from({ length: 500 }, (_, position) => order.rowAt(position));
  };
  const [first, other, next] = [orderOf(1, 0), orderOf(2, 0), orderOf(1, 1)];
  for (const order of [other, next]) {
    const equal = order.filter((row, position) => row === first[position]).length;
    t.true(equal < 15, `${equal} of 500 rows come at the same place`);
    t.true(new Set(order.map((row, position) => (500 + row - first[position]!) % 500)).size > 100);
  }
  t.deepEqual(orderOf(1, 0), first);
});

test('an epoch shows each token at most once, and all but fewer than a row holds', async (t) => {
  const file = await tokenFile(t, [counted(1003)]);
  const length = 16;
  const stream = new RowStream(file, length, 3);
  const left: number[] = [];
  for (const epoch of [0, 1, 2]) {
    const seen = new Set<number>();
    for (let k = 0; k < stream.rowsPerEpoch; k++) {
      const row = stream.row(epoch * stream.rowsPerEpoch + k);
      t.is(row.epoch, epoch);
      for (const id of row.ids.subarray(0, length)) {
        t.false(seen.has(id), `token ${id} comes twice`);
        seen.add(id);
      }
    }
    t.true(seen.size > 1004 - length);
    left.push([...Array(1003).keys()].find((id) => !seen.has(id)) ?? -1);
  }
  t.is(new Set(left).size, 3, 'what an epoch leaves out is elsewhere in the next');
});

test('a row ends with the token behind it, and behind the corpus comes its beginning', async (t) => {
  const file = await tokenFile(t, [counted(50)]);
  const stream = new RowStream(file, 17, 0);
  for (let cursor = 0; cursor < 9; cursor++) {
    const { ids, start } = stream.row(cursor);
    const wanted = Array.from({ length: 18 }, (_, k) => ((start + k) % 51 === 50 ? 99_999 : (start + k) % 51));
    t.deepEqual([...ids], wanted);
  }
});

test('a row depends on its number alone: going on from a cursor is continuing', async (t) => {
  const file = await tokenFile(t, [counted(333)]);
  const whole = new RowStream(file, 10, 5);
  const rows = Array.from({ length: 100 }, (_, cursor) => whole.row(cursor));
  for (const cursor of [99, 40, 0, 71]) t.deepEqual(new RowStream(file, 10, 5).row(cursor), rows[cursor]);
});

test('documents are joined by the end token and found by their tokens', async (t) => {
  const file = await tokenFile(t, ['1 2 3', '', '4 5']);
  t.deepEqual([...file.read(0, 8)], [1, 2, 3, 99_999, 99_999, 4, 5, 99_999]);
  t.deepEqual(
    [0, 3, 4, 5, 7].map((token) => file.documentAt(token)),
    [0, 0, 1, 2, 2],
  );
});

test('ids of a small vocabulary take two bytes, of a large one four', async (t) => {
  const small = await tokenFile(t, ['ab'], byteTokenizer);
  t.is(small.description.bytesPerToken, 2);
  t.deepEqual([...small.read(0, 3)], [97, 98, 256]);
  t.is((await tokenFile(t, ['70000 3'])).description.bytesPerToken, 4);
});

test('tokens that are there already stay, and damaged ones are replaced', async (t) => {
  const directory = path.join(temporaryDirectory(t), 'tokens');
  const write = (text: string) => writeTokenFile(directory, byteTokenizer, [{ text, last: true }]);
  const first = async () => {
    const file = TokenFile.open(directory)!;
    const [id] = file.read(0, 1);
    file.close();
    return String.fromCharCode(id!);
  };
  await write('a');
  await write('b');
  t.is(await first(), 'a');
  await rm(path.join(directory, 'tokens.json'));
  await write('c');
  t.is(await first(), 'c');
  t.deepEqual(await readdir(path.dirname(directory)), ['tokens']);
});

test('a corpus shorter than a row is an error that says so', async (t) => {
  const file = await tokenFile(t, ['1 2 3']);
  t.throws(() => new RowStream(file, 4, 0), {
    instanceOf: UserError,
    message: 'the corpus has 4 tokens, and a row needs 5',
  });
});
