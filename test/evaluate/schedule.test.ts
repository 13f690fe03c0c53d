import test from 'ava';
import {
  cutSchedule,
  fedTokens,
  paddedTokens,
  recordSchedule,
  restoreSchedule,
  savedTokens,
} from '../../src/evaluate/schedule.js';
import type { Batch, BatchSize } from '../../src/evaluate/schedule.js';
import { fakePlan, scorablePieces } from './fake-run.js';

const sizes: BatchSize[] = [
  { kind: 'auto' },
  { kind: 'rows', rows: 1 },
  { kind: 'rows', rows: 5 },
  { kind: 'tokens', tokens: 100 },
];
const auto = { batchSize: { kind: 'auto' }, fork: true } as const;
const plain = { batchSize: { kind: 'auto' }, fork: false } as const;

const rowsOf = (batch: Batch) => batch.groups.flat();
const longest = (batch: Batch) => Math.max(...rowsOf(batch).map(({ input }) => input.length));
const total = (batches: readonly Batch[], count: (batch: Batch) => number) =>
  batches.reduce((sum, batch) => sum + count(batch), 0);

test('every piece is in one batch, whatever the batch size, forked or not', async (t) => {
  const plan = await fakePlan();
  const all = new Set(scorablePieces(plan));
  for (const batchSize of sizes)
    for (const fork of [true, false]) {
      const scheduled = cutSchedule(plan, { batchSize, fork }, 400)
        .batches.flatMap(rowsOf)
        .flatMap(({ queries }) => queries);
      t.is(scheduled.length, all.size);
      t.true(scheduled.every((piece) => all.has(piece)));
      t.is(new Set(scheduled).size, all.size);
    }
});

test('without forking, rows go from the longest to the shortest, rows of one length by their token ids', async (t) => {
  const { batches } = cutSchedule(await fakePlan(), plain, 400);
  t.true(batches.every(({ shared, groups }) => shared === 0 && groups.every((rows) => rows.length === 1)));
  const rows = batches.flatMap(rowsOf);
  for (const [index, row] of rows.slice(1).entries()) {
    const before = rows[index]!;
    const different = before.input.findIndex((token, position) => token !== row.input[position]);
    t.true(
      before.input.length > row.input.length ||
        (before.input.length === row.input.length && before.input[different]! < row.input[different]!),
    );
  }
});

test('with forking, the longest row comes first of all, and first in each batch', async (t) => {
  const { batches } = cutSchedule(await fakePlan(), auto, 400);
  t.is(batches[0]!.groups[0]![0]!.input.length, Math.max(...batches.map(longest)));
  for (const batch of batches) t.is(batch.groups[0]![0]!.input.length, longest(batch));
});

test('the choices of a document share its context, in steps of eight tokens', async (t) => {
  const { batches } = cutSchedule(await fakePlan(), auto, 400);
  const forked = batches.flatMap(({ shared, groups }) => groups.map((rows) => ({ shared, rows })));
  for (const { shared, rows } of forked.filter(({ rows }) => rows.length > 1)) {
    const documents = new Set(rows.map(({ queries: [piece] }) => `${piece!.task} ${piece!.document}`));
    t.is(documents.size, 1);
    t.true(shared > 0 && shared % 8 === 0);
    t.is(new Set(rows.map(({ input }) => input.slice(0, shared).join())).size, 1);
    t.true(new Set(rows.map(({ input }) => input.slice(0, shared + 8).join())).size > 1);
  }
  const tasks = forked.filter(({ shared }) => shared > 0).map(({ rows }) => rows[0]!.queries[0]!.task);
  t.deepEqual([...new Set(tasks)].sort(), ['endings', 'options']);
  t.is(tasks.filter((name) => name === 'endings').length, 11);
});

test('choices whose context was cut on the left, each elsewhere, go through the model by themselves', async (t) => {
  const { batches } = cutSchedule(await fakePlan({ maxLength: 24 }), auto, 400);
  const endings = batches.filter((batch) => rowsOf(batch).some(({ queries }) => queries[0]!.task === 'endings'));
  t.true(endings.length > 0 && endings.every(({ shared }) => shared === 0));
});

test('two choices that are the same share a row of their group', async (t) => {
  const { batches } = cutSchedule(await fakePlan(), auto, 400);
  const group = batches
    .flatMap(({ groups }) => groups)
    .find(([row]) => row!.queries[0]!.task === 'endings' && row!.queries[0]!.document === 0)!;
  t.deepEqual(group.map(({ queries }) => queries.length).sort(), [1, 1, 2]);
});

test('what is fed and what is saved add up to what plain scoring feeds', async (t) => {
  const plan = await fakePlan();
  const forked = cutSchedule(plan, auto, 400);
  const reference = cutSchedule(plan, plain, 400);
  const saved = total(forked.batches, savedTokens);
  t.true(saved > 0);
  t.is(total(forked.batches, fedTokens) + saved, total(reference.batches, fedTokens));
  t.is(recordSchedule(forked).savedTokens, saved);
  t.is(recordSchedule(reference).savedTokens, 0);
});

test('what is saved does not depend on the batch size', async (t) => {
  const plan = await fakePlan();
  const saved = sizes.map((batchSize) => total(cutSchedule(plan, { batchSize, fork: true }, 90).batches, savedTokens));
  t.is(new Set(saved).size, 1);
});

test('no batch of several groups is over the token budget, the asked tokens or the asked rows', async (t) => {
  const plan = await fakePlan();
  const cut = (batchSize: BatchSize, budget: number) =>
    cutSchedule(plan, { batchSize, fork: true }, budget).batches.filter(({ groups }) => groups.length > 1);
  t.true(cut({ kind: 'auto' }, 400).every((batch) => paddedTokens(batch) <= 400));
  t.true(cut({ kind: 'tokens', tokens: 100 }, 400).every((batch) => paddedTokens(batch) <= 100));
  const batches = cut({ kind: 'rows', rows: 7 }, 120);
  t.true(batches.every((batch) => rowsOf(batch).length <= 7 && paddedTokens(batch) <= 120));
  t.true(batches.some(({ shared }) => shared > 0));
});

test('a group that is over the budget by itself goes alone', async (t) => {
  const { batches } = cutSchedule(await fakePlan(), auto, 40);
  const over = batches.filter((batch) => paddedTokens(batch) > 40);
  t.true(over.some(({ shared }) => shared > 0) && over.some(({ shared }) => shared === 0));
  t.true(over.every(({ groups }) => groups.length === 1));
});

test('requests that differ in their last token only share a row', async (t) => {
  const plan = await fakePlan();
  const rows = cutSchedule(plan, auto, 400).batches.flatMap(rowsOf);
  const yesNo = rows.filter(({ queries }) => queries[0]!.task === 'yes_no');
  t.is(yesNo.length, plan.tasks[1]!.documents.length);
  t.true(yesNo.every(({ queries }) => queries.length === 2));
});

test('a recorded schedule is restored as it was, whatever the budget is now', async (t) => {
  for (const settings of [auto, plain]) {
    const schedule = cutSchedule(await fakePlan(), settings, 333);
    t.deepEqual(restoreSchedule(await fakePlan(), settings, recordSchedule(schedule), 'run'), schedule);
  }
});

test('a schedule of other requests, or of rows that were not forked, is refused', async (t) => {
  const record = recordSchedule(cutSchedule(await fakePlan(), auto, 333));
  const plan = await fakePlan({ limit: 3 });
  const message = /not those that this run was started with/;
  t.throws(() => restoreSchedule(plan, auto, record, 'run'), { message });
  t.throws(() => restoreSchedule(plan, plain, record, 'run'), { message });
});
