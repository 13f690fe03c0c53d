import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { formatBatch, openJournal, parseJournal, piecesOf, readJournal } from '../../src/evaluate/journal.js';
import { cutSchedule } from '../../src/evaluate/schedule.js';
import { UserError } from '../../src/user-error.js';
import { fakePlan, temporaryDirectory } from './fake-run.js';

const { batches } = cutSchedule(await fakePlan(), { batchSize: { kind: 'rows', rows: 6 }, fork: true }, 400);
const outcomes = batches.map((batch, index) =>
  piecesOf(batch).map((_, position) => ({
    logprob: -Math.PI / (1 + index + position / 7),
    greedy: position % 2 === 0,
    ms: position,
  })),
);
const lines = batches.map((batch, index) => formatBatch(index, batch, outcomes[index]!));
const whole = Buffer.from(lines.join(''));
const endOf = (batch: number): number => Buffer.byteLength(lines.slice(0, batch).join(''));

test('what was written is read back, log-probabilities to the last bit', (t) => {
  const content = parseJournal(whole, batches, 'requests.jsonl');
  t.deepEqual(content.batches, outcomes);
  t.is(content.bytes, whole.length);
});

test('a journal cut at any byte holds the batches before the cut', (t) => {
  for (let bytes = 0; bytes <= whole.length; bytes += 13) {
    const content = parseJournal(whole.subarray(0, bytes), batches, 'requests.jsonl');
    const complete = batches.findIndex((_, index) => endOf(index + 1) > bytes);
    const expected = complete < 0 ? batches.length : complete;
    t.is(content.batches.length, expected);
    t.is(content.bytes, endOf(expected));
  }
});

test('a failed request keeps its reason', (t) => {
  const failed = piecesOf(batches[0]!).map(() => ({ failure: 'no room', ms: 1 }));
  const content = Buffer.from(formatBatch(0, batches[0]!, failed));
  t.deepEqual(parseJournal(content, batches, 'requests.jsonl').batches, [failed]);
});

test('a damaged line before the last one is an error with its number', (t) => {
  const damaged = whole.toString().split('\n');
  damaged[2] = damaged[2]!.replace('"logprob":', '"logprob":x');
  const error = t.throws(() => parseJournal(Buffer.from(damaged.join('\n')), batches, 'requests.jsonl'), {
    instanceOf: UserError,
  });
  t.is(error.kind, 'data');
  t.is(error.where, 'requests.jsonl:3');
});

test('a line of another run is an error', (t) => {
  const foreign = Buffer.from(lines[0]!.replace('"request":', '"request":1'));
  t.throws(() => parseJournal(foreign, batches, 'requests.jsonl'), { message: /another run's line/ });
});

test('a journal that goes on after the last request is an error', (t) => {
  const longer = Buffer.concat([whole, Buffer.from(lines[0]!)]);
  t.throws(() => parseJournal(longer, batches, 'requests.jsonl'), { message: /goes on after the last request/ });
});

test('a journal that is not there has nothing in it', (t) => {
  t.deepEqual(readJournal(path.join(temporaryDirectory(t), 'requests.jsonl'), batches), { batches: [], bytes: 0 });
});

test('an opened journal drops its torn end before it appends', (t) => {
  const file = path.join(temporaryDirectory(t), 'requests.jsonl');
  writeFileSync(file, whole.subarray(0, endOf(1) + 20));
  const journal = openJournal(file, readJournal(file, batches).bytes);
  journal.append(1, batches[1]!, outcomes[1]!);
  journal.close();
  t.is(readFileSync(file, 'utf8'), lines.slice(0, 2).join(''));
});

test('a journal that cannot be written says what to do', (t) => {
  const file = path.join(temporaryDirectory(t), 'nowhere', 'requests.jsonl');
  const error = t.throws(() => openJournal(file, 0), { instanceOf: UserError });
  t.is(error.kind, 'failure');
  t.regex(error.hint!, /--resume/);
});
