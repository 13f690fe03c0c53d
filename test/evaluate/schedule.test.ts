import test from 'ava';
import { cutSchedule, paddedTokens, recordSchedule, restoreSchedule } from '../../src/evaluate/schedule.js';
import type { BatchSize } from '../../src/evaluate/schedule.js';
import { fakePlan, scorablePieces } from './fake-run.js';

const sizes: BatchSize[] = [
  { kind: 'auto' },
  { kind: 'rows', rows: 1 },
  { kind: 'rows', rows: 5 },
  { kind: 'tokens', tokens: 100 },
];

test('every piece is in one batch, whatever the batch size', async (t) => {
  const plan = await fakePlan();
  const all = new Set(scorablePieces(plan));
  for (const size of sizes) {
    const scheduled = cutSchedule(plan, size, 400)
      .batches.flat()
      .flatMap(({ queries }) => queries);
    t.is(scheduled.length, all.size);
    t.true(scheduled.every((piece) => all.has(piece)));
    t.is(new Set(scheduled).size, all.size);
  }
});

test('rows go from the longest to the shortest, rows of one length by their token ids', async (t) => {
  const rows = cutSchedule(await fakePlan(), { kind: 'auto' }, 400).batches.flat();
  for (const [index, row] of rows.slice(1).entries()) {
    const before = rows[index]!;
    const different = before.input.findIndex((token, position) => token !== row.input[position]);
    t.true(
      before.input.length > row.input.length ||
        (before.input.length === row.input.length && before.input[different]! < row.input[different]!),
    );
  }
});

test('no batch is over the token budget, the asked tokens or the asked rows', async (t) => {
  const plan = await fakePlan();
  t.true(cutSchedule(plan, { kind: 'auto' }, 400).batches.every((batch) => paddedTokens(batch) <= 400));
  t.true(cutSchedule(plan, { kind: 'tokens', tokens: 100 }, 400).batches.every((batch) => paddedTokens(batch) <= 100));
  const rows = cutSchedule(plan, { kind: 'rows', rows: 7 }, 120).batches;
  t.true(rows.every((batch) => batch.length <= 7 && paddedTokens(batch) <= 120));
});

test('a row that is over the budget by itself goes alone', async (t) => {
  const { batches } = cutSchedule(await fakePlan(), { kind: 'auto' }, 40);
  const over = batches.filter((batch) => paddedTokens(batch) > 40);
  t.true(over.length > 0);
  t.true(over.every((batch) => batch.length === 1));
});

test('requests that differ in their last token only share a row', async (t) => {
  const plan = await fakePlan();
  const rows = cutSchedule(plan, { kind: 'auto' }, 400).batches.flat();
  const yesNo = rows.filter(({ queries }) => queries[0]!.task === 'yes_no');
  t.is(yesNo.length, plan.tasks[1]!.documents.length);
  t.true(yesNo.every(({ queries }) => queries.length === 2));
});

test('a recorded schedule is restored as it was, whatever the budget is now', async (t) => {
  const schedule = cutSchedule(await fakePlan(), { kind: 'auto' }, 333);
  t.deepEqual(restoreSchedule(await fakePlan(), recordSchedule(schedule), 'run'), schedule);
});

test('a schedule of other requests is refused', async (t) => {
  const record = recordSchedule(cutSchedule(await fakePlan(), { kind: 'auto' }, 333));
  const plan = await fakePlan({ limit: 3 });
  t.throws(() => restoreSchedule(plan, record, 'run'), { message: /not those that this run was started with/ });
});
