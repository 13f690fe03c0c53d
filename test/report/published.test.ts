import test from 'ava';
import { PAPER_COLUMNS } from '../../src/report/paper-columns.js';
import { averageDiffers, publishedRows, readPublishedTables, recomputedAverage } from '../../src/report/published.js';
import { UserError } from '../../src/user-error.js';

const tables = readPublishedTables();

test("every published row has a value for each of the paper's columns", (t) => {
  for (const table of tables) {
    t.deepEqual(
      table.columns,
      PAPER_COLUMNS.map(({ key }) => key),
    );
    for (const row of table.sets.flatMap(({ rows }) => rows)) t.is(row.values.length, PAPER_COLUMNS.length, row.model);
  }
});

test('five printed averages are not the mean of their columns, all others are within rounding', (t) => {
  const differing = tables.flatMap(({ table, authors, sets }) =>
    sets.flatMap(({ size, rows }) =>
      rows
        .filter(averageDiffers)
        .map((row) => [authors, table, size, row.model, row.average, recomputedAverage(row).toFixed(2)]),
    ),
  );
  t.deepEqual(differing, [
    ['Fu et al.', 'Table 1', '760M', 'TTT', 47.32, '49.37'],
    ['Fu et al.', 'Table 1', '760M', 'SWAT (−)', 51.85, '51.33'],
    ['Behrouz et al.', 'Table 1', '400M', 'Gated DeltaNet-H2', 47.69, '47.80'],
    ['Behrouz et al.', 'Table 1', '400M', 'Titans (LMM)', 47.83, '47.87'],
    ['Behrouz et al.', 'Table 1', '760M', 'TTT', 47.32, '49.37'],
  ]);
});

test('both papers print the same numbers for the baselines that they share', (t) => {
  for (const size of ['340m', '760m']) {
    const swat = publishedRows([`swat-${size}`], tables).filter(({ model }) => !model.startsWith('SWAT'));
    const titans = publishedRows([`titans-${size}`], tables);
    for (const { model, values } of swat)
      t.deepEqual(titans.find((row) => row.model === (model === 'Titans' ? 'Titans (LMM)' : model))!.values, values);
  }
});

test('an unknown published table is a usage error that names the known ones', (t) => {
  const error = t.throws(() => publishedRows(['swat-1b'], tables), { instanceOf: UserError });
  t.is(error.kind, 'usage');
  t.true(error.hint!.includes('swat-340m'));
});
