import test from 'ava';
import { formatPaper } from '../../src/report/format-runs.js';
import { paperTable } from '../../src/report/paper-table.js';
import { publishedRows, readPublishedTables } from '../../src/report/published.js';
import type { Cell, Table } from '../../src/report/table.js';
import { exampleRun, paperTasks } from './example-run.js';

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

test('the best of a column is bold and the second underlined', (t) => {
  const table = paperTable([good, bad], []);
  t.is(cellOf(table, 'swat:tiny', 'piqa').emphasis, 'best');
  t.is(cellOf(table, 'transformer:tiny', 'piqa').emphasis, 'second');
  t.is(cellOf(table, 'swat:tiny', 'wiki_ppl').emphasis, null, 'a tie has no best');
  t.true(formatPaper([good, bad], [], 'md').includes('**65.00**'));
  t.true(formatPaper([good, bad], [], 'latex').includes('\\underline{62.00}'));
});

test('of perplexities the lowest is the best', (t) => {
  const rows = publishedRows(['swat-340m'], readPublishedTables());
  t.is(cellOf(paperTable([], rows), 'Titans', 'wiki_ppl').emphasis, 'best');
});

for (const label of ['partial', 'limit', 'fixtures'] as const)
  test(`a number labelled ${label} has a footnote and is never the best`, (t) => {
    const labelled = exampleRun('swat:tiny', paperTasks(GOOD, { label, documentsOriginal: 1000 }));
    const third = exampleRun('gla:tiny', paperTasks(BAD.map((right) => right - 2)));
    const table = paperTable([labelled, bad, third], []);
    const cell = cellOf(table, 'swat:tiny', 'piqa');
    t.is(cell.emphasis, null);
    t.true(cell.notes.some((note) => note.startsWith(`${label}: `)));
    t.is(cellOf(table, 'transformer:tiny', 'piqa').emphasis, 'best');
    t.is(cellOf(table, 'swat:tiny', 'avg').emphasis, null);
    for (const format of ['table', 'md', 'csv', 'json', 'latex'] as const)
      t.true(formatPaper([labelled, bad, third], [], format).includes(`${label}: `), format);
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
