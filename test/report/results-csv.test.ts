import test from 'ava';
import { resultsCsv } from '../../src/report/results-csv.js';
import { tidyRows, type TidyRow } from '../../src/report/tidy-rows.js';
import { accuracy, exampleRun, exampleTask, paperTasks } from './example-run.js';

/** Reads RFC 4180 text. */
function parseCsv(text: string): Record<string, string>[] {
  const [header, ...rows] = text
    .trimEnd()
    .split('\n')
    .map((line) =>
      [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
        quoted === undefined ? plain! : quoted.replaceAll('""', '"'),
      ),
    );
  return rows.map((cells) => Object.fromEntries(header!.map((name, k) => [name, cells[k]!])));
}

test('every cell of results.csv reads back in full precision, and an unknown one is empty', (t) => {
  const run = exampleRun('swat:tiny', paperTasks([60, 130, 78, 101, 110, 52, 75, 120]));
  const rows = tidyRows(run);
  const read = parseCsv(resultsCsv(rows));
  t.is(read.length, rows.length);
  rows.forEach((row, k) => {
    for (const [name, value] of Object.entries(row) as [keyof TidyRow, TidyRow[keyof TidyRow]][])
      t.is(read[k]![name], value === null ? '' : String(value), `${row.task} ${row.metric} ${name}`);
  });
});

test('a name with commas and quotes stays one cell', (t) => {
  const run = exampleRun('swat:tiny', [exampleTask('piqa', [accuracy('acc', 1, 2)])]);
  const label = 'my "best", so far';
  const [row] = parseCsv(resultsCsv(tidyRows({ ...run, model: { ...run.model, label } })));
  t.is(row!.model, label);
});

test('a task without chance has an empty cell, not a zero', (t) => {
  const task = exampleTask('lambada_openai', [accuracy('acc', 1, 2)], { chance: null, majority: null });
  const [row] = parseCsv(resultsCsv(tidyRows(exampleRun('swat:tiny', [task]))));
  t.is(row!.chance, '');
  t.is(row!.ppl_window, '');
});

test('a build from a changed checkout says so', (t) => {
  const run = exampleRun('swat:tiny', [exampleTask('piqa', [accuracy('acc', 1, 2)])]);
  t.is(tidyRows({ ...run, build: { ...run.build, dirty: true } })[0]!.git_sha, '0123abcd-dirty');
});

test('the average of the eight is recomputed, with the combined standard error and the labels of its parts', (t) => {
  const tasks = paperTasks([60, 130, 78, 101, 110, 52, 75, 120]).map((task) =>
    task.task === 'hellaswag' ? { ...task, label: 'partial' as const } : task,
  );
  const average = tidyRows(exampleRun('swat:tiny', tasks)).at(-1)!;
  t.is(average.task, 'commonsense');
  t.true(Math.abs(average.value! - 0.45375) < 1e-12);
  t.is(average.stderr!.toFixed(4), '0.0120');
  t.is(average.label, 'partial');
});

test('seven of the eight have no average', (t) => {
  const tasks = paperTasks([60, 130, 78, 101, 110, 52, 75, 120]).filter(({ task }) => task !== 'boolq');
  t.false(tidyRows(exampleRun('swat:tiny', tasks)).some(({ task }) => task === 'commonsense'));
});
