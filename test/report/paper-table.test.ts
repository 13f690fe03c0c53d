import test from 'ava';
import { formatPaper } from '../../src/report/format-runs.js';
import { PAPER_COLUMNS } from '../../src/report/paper-columns.js';
import { paperTable } from '../../src/report/paper-table.js';
import { publishedRows, readPublishedTables } from '../../src/report/published.js';
import type { Cell, Table } from '../../src/report/table.js';
import { tidyRows } from '../../src/report/tidy-rows.js';
import { accuracy, exampleRun, exampleTask, paperTasks } from './example-run.js';

const GOOD = [70, 130, 78, 101, 110, 52, 75, 120];
const BAD = [60, 124, 70, 99, 90, 48, 73, 118];
const good = exampleRun('swat:tiny', paperTasks(GOOD));
const bad = exampleRun('transformer:tiny', paperTasks(BAD));

function cellOf(table: Table, model: string, key: string): Cell {
  const column = table.columns.findIndex((column) => column.key === key);
  return table.sections.flat().find((row) => row[0]!.text === model)![column]!;
}

test('accuracies are percentages with two digits, and the average is the mean of the eight', (t) => {
  const table = paperTable([good], []);
  t.is(cellOf(table, 'swat:tiny', 'piqa').text, '65.00');
  t.is(cellOf(table, 'swat:tiny', 'avg').text, '46.00');
  t.is(cellOf(table, 'swat:tiny', 'params').text, '341.1M');
});

test('chance and majority are rows, empty where there are no choices', (t) => {
  const table = paperTable([good], []);
  t.is(cellOf(table, 'chance', 'piqa').text, '25.00');
  t.is(cellOf(table, 'majority', 'boolq').text, '30.00');
  t.is(cellOf(table, 'chance', 'lmb_acc').value, null);
  t.is(cellOf(table, 'chance', 'wiki_ppl').value, null);
});

test('without all eight there is no average', (t) => {
  const run = exampleRun('swat:tiny', paperTasks(GOOD).slice(0, 5));
  t.is(cellOf(paperTable([run], []), 'swat:tiny', 'avg').value, null);
});

test('a run of other tasks has no row beside those of the paper, and the best is still the best', (t) => {
  const other = exampleRun('gla:tiny', [exampleTask('mini_needle_64', [accuracy('acc', 50, 200)])]);
  const second = exampleRun('swat:tiny', [exampleTask('mini_needle_64', [accuracy('acc', 50, 200)])]);
  const leaders = PAPER_COLUMNS.map(() => ({ best: 2, second: null }));
  const table = paperTable([other, second, good, bad], [], [...leaders, { best: null, second: null }]);
  t.deepEqual(
    table.sections[0]!.map((row) => row[0]!.text),
    ['swat:tiny', 'transformer:tiny'],
  );
  t.is(cellOf(table, 'swat:tiny', 'piqa').emphasis, 'best');
});

const NOBODY = { best: null, second: null };
const piqa = PAPER_COLUMNS.findIndex(({ key }) => key === 'piqa');
const leaders = [...PAPER_COLUMNS, null].map((_, column) => (column === piqa ? { best: 0, second: 1 } : NOBODY));

test('the leaders of a column are bold and underlined, and the table says what that means', (t) => {
  const table = paperTable([good, bad], [], leaders);
  t.is(cellOf(table, 'swat:tiny', 'piqa').emphasis, 'best');
  t.is(cellOf(table, 'transformer:tiny', 'piqa').emphasis, 'second');
  t.is(cellOf(table, 'swat:tiny', 'boolq').emphasis, null, 'a higher number alone is not the best');
  t.true(formatPaper([good, bad], [], 'md', leaders).includes('**65.00**'));
  t.true(formatPaper([good, bad], [], 'latex', leaders).includes('\\underline{62.00}'));
  t.true(table.remarks.some((remark) => remark.startsWith('Bold: better than every other run')));
});

test('where nobody leads, the table says so', (t) => {
  const table = paperTable(
    [good, bad],
    [],
    leaders.map(() => NOBODY),
  );
  t.true(table.remarks.includes('In no column is a run shown to be better than every other.'));
});

test('without documents, and beside published numbers, nothing is called the best', (t) => {
  const published = publishedRows(['swat-340m'], readPublishedTables());
  for (const table of [paperTable([good, bad], []), paperTable([good, bad], published, leaders)])
    t.true(table.sections.flat(2).every(({ emphasis }) => emphasis === null));
});

for (const label of ['partial', 'limit', 'fixtures'] as const)
  test(`a number labelled ${label} has a footnote`, (t) => {
    const labelled = exampleRun('swat:tiny', paperTasks(GOOD, { label, documentsOriginal: 1000 }));
    const cell = cellOf(paperTable([labelled, bad], []), 'swat:tiny', 'piqa');
    t.true(cell.notes.some((note) => note.startsWith(`${label}: `)));
    for (const format of ['table', 'md', 'csv', 'json', 'latex'] as const)
      t.true(formatPaper([labelled, bad], [], format).includes(`${label}: `), format);
  });

test('published rows show the printed average beside the recomputed one, and mark where they differ', (t) => {
  const table = paperTable([], publishedRows(['swat-760m'], readPublishedTables()));
  t.is(cellOf(table, 'SWAT (−)', 'avg').text, '51.33');
  t.is(cellOf(table, 'SWAT (−)', 'avg_printed').text, '51.85');
  t.is(cellOf(table, 'SWAT (−)', 'avg_printed').notes.length, 1);
  t.is(cellOf(table, 'RetNet', 'avg_printed').notes.length, 0);
});

test('a perplexity of whole texts says how it was made', (t) => {
  const { notes } = cellOf(paperTable([good], []), 'swat:tiny', 'wiki_ppl');
  t.deepEqual(notes, ['word perplexity, max_len 512, disjoint windows, bos auto']);
});

const mini = exampleRun(
  'swat-mini',
  paperTasks(BAD).map((task) => ({
    ...task,
    task: `mini_${task.task}`,
    paperColumns: task.paperColumns.map((column) => ({ ...column, suite: 'mini' as const })),
  })),
);

test('the embedded suite fills the columns, and the table says that it does', (t) => {
  const table = paperTable([mini], []);
  t.is(cellOf(table, 'swat-mini', 'piqa').text, '62.00');
  t.true(table.remarks!.some((remark) => remark.startsWith("Every number is the embedded suite's")));
  t.is(tidyRows(mini).at(-1)!.task, 'mini_commonsense');
});

test("beside the paper's benchmarks a row of the embedded suite says so, and what guessing scores is theirs", (t) => {
  const table = paperTable([good, mini], []);
  t.is(cellOf(table, 'swat-mini', 'model').notes.length, 1);
  t.is(cellOf(table, 'swat:tiny', 'model').notes.length, 0);
  t.true(table.sections.flat(2).every(({ emphasis }) => emphasis === null));
});

test('of a run that scored both suites, the columns are filled by the real one alone', (t) => {
  const both = exampleRun('swat-mini', [...good.tasks.slice(0, 3), ...mini.tasks]);
  const table = paperTable([both], []);
  t.is(cellOf(table, 'swat-mini', 'piqa').text, '65.00');
  t.is(cellOf(table, 'swat-mini', 'boolq').value, null);
});
