// Comparisons of models as a table.
import { LABEL_MEANINGS } from '../report/label-meanings.js';
import { fixed, percentage, thousands } from '../report/number-text.js';
import { MISSING, textCell, type Cell, type Column, type Table } from '../report/table.js';
import { CONFIDENCE, POWER, REPLICATES, type ModelComparison, type ModelComparisons } from './compare.js';

interface CompareColumn extends Column {
  readonly cell: (row: ModelComparison) => Cell;
}

const COLUMNS: readonly CompareColumn[] = [
  { key: 'first', title: 'A', align: 'left', cell: ({ first }) => textCell(first) },
  { key: 'second', title: 'B', align: 'left', cell: ({ second }) => textCell(second) },
  {
    key: 'task',
    title: 'task',
    align: 'left',
    cell: ({ task, label }) => ({
      ...textCell(task),
      notes: label === null ? [] : [`${label}: ${LABEL_MEANINGS[label]}`],
    }),
  },
  { key: 'metric', title: 'metric', align: 'left', cell: ({ metric }) => textCell(metric) },
  { key: 'direction', title: '↑↓', align: 'left', cell: ({ higherIsBetter }) => textCell(higherIsBetter ? '↑' : '↓') },
  { key: 'n', title: 'n', align: 'right', cell: ({ documents }) => numberCell(documents, String) },
  { key: 'a', title: 'A', align: 'right', cell: ({ firstValue }) => numberCell(firstValue, four) },
  { key: 'b', title: 'B', align: 'right', cell: ({ secondValue }) => numberCell(secondValue, four) },
  { key: 'difference', title: 'B − A', align: 'right', cell: (row) => numberCell(row.difference, amount(row)) },
  { key: 'unit', title: '', align: 'left', cell: ({ unit }) => textCell(unit) },
  { key: 'ci_low', title: 'CI low', align: 'right', cell: ({ interval }) => numberCell(interval[0], two) },
  { key: 'ci_high', title: 'CI high', align: 'right', cell: ({ interval }) => numberCell(interval[1], two) },
  { key: 'p', title: 'p', align: 'right', cell: ({ p }) => numberCell(p, probability) },
  { key: 'p_holm', title: 'p (Holm)', align: 'right', cell: ({ adjustedP }) => numberCell(adjustedP, probability) },
  { key: 'detectable', title: 'detectable', align: 'right', cell: ({ detectable }) => numberCell(detectable, two) },
  { key: 'better', title: 'better', align: 'left', cell: ({ better }) => textCell(better ?? MISSING) },
];

export function compareTable({ rows, notes }: ModelComparisons): Table {
  const partners = [...new Set(rows.map(({ second }) => second))];
  return {
    columns: COLUMNS,
    sections: partners.map((partner) =>
      rows.filter(({ second }) => second === partner).map((row) => COLUMNS.map(({ cell }) => cell(row))),
    ),
    remarks: [
      `CI: ${percentage(CONFIDENCE)}, by a paired bootstrap over documents (${thousands(REPLICATES)} replicates).`,
      `p: exact McNemar test for accuracies, the bootstrap for perplexities; Holm: corrected over the ${rows.length} rows.`,
      `detectable: the smallest difference that these documents would show with probability ${POWER}.`,
      ...notes,
    ],
  };
}

function numberCell(value: number | null, text: (value: number) => string): Cell {
  return value === null ? textCell(MISSING) : { ...textCell(text(value)), value };
}

const four = (value: number) => fixed(value, 4);
const two = (value: number) => fixed(value, 2);

/** With its sign. */
function amount({ difference }: ModelComparison): (value: number) => string {
  return (value) => `${difference > 0 ? '+' : ''}${fixed(value, 2)}`;
}

function probability(p: number): string {
  return p < 0.0001 ? '< 0.0001' : p.toFixed(4);
}
