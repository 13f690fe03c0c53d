// For a person: a table of what got worse, or, if nothing did, of what was compared.
import { fixed } from '../report/number-text.js';
import { renderText } from '../report/render-text.js';
import { MISSING, textCell, type Cell, type Column } from '../report/table.js';
import type { Comparison, FailedModel, GateOutcome } from './gate-outcome.js';
import type { Reporter } from './reporter.js';

export const tableReporter: Reporter = {
  report: (outcome) => render(outcome, ({ regressed }) => regressed),
};

/** What `--update` prints: everything that a new reference changes. */
export const differenceReporter: Reporter = { report: (outcome) => render(outcome, ({ change }) => change !== 0) };

const COLUMNS: readonly Column[] = [
  { key: 'model', title: 'model', align: 'left' },
  { key: 'task', title: 'task', align: 'left' },
  { key: 'metric', title: 'metric', align: 'left' },
  { key: 'direction', title: '↑↓', align: 'left' },
  { key: 'reference', title: 'reference', align: 'right' },
  { key: 'now', title: 'now', align: 'right' },
  { key: 'worse', title: 'worse by', align: 'right' },
  { key: 'allowed', title: 'allowed', align: 'right' },
  { key: 'basis', title: 'basis', align: 'left' },
  { key: 'verdict', title: 'verdict', align: 'left' },
];

function render({ comparisons, failed, notes }: GateOutcome, isShown: (comparison: Comparison) => boolean): string {
  const chosen = comparisons.filter(isShown);
  const shown = chosen.length === 0 && failed.length === 0 ? comparisons : chosen;
  const left = comparisons.length - shown.length;
  return renderText({
    columns: COLUMNS,
    sections: [[...failed.map(failedRow), ...shown.map(comparisonRow)]],
    remarks: [...(left === 0 ? [] : [`${left} more were compared.`]), ...notes],
  });
}

function comparisonRow(comparison: Comparison): Cell[] {
  const { model, task, metric, higherIsBetter, reference, value, basis, regressed, note } = comparison;
  return [
    textCell(model),
    textCell(task ?? MISSING),
    textCell(metric),
    textCell(comparison.unit === 'nats' ? '=' : higherIsBetter ? '↑' : '↓'),
    textCell(numberText(comparison, reference)),
    textCell(numberText(comparison, value)),
    textCell(amountText(comparison, comparison.change)),
    textCell(amountText(comparison, comparison.allowed)),
    textCell(basis),
    { ...textCell(regressed ? 'regressed' : 'ok'), notes: regressed && note !== null ? [note] : [] },
  ];
}

function failedRow({ model, reason }: FailedModel): Cell[] {
  const empty = Array.from({ length: COLUMNS.length - 2 }, () => textCell(MISSING));
  return [textCell(model), ...empty, { ...textCell('failed'), notes: [reason] }];
}

function numberText({ unit, metric }: Comparison, value: number): string {
  if (unit === 'documents') return String(value);
  return fixed(value, metric === 'tokens/s' ? 0 : 4);
}

function amountText({ unit }: Comparison, amount: number): string {
  switch (unit) {
    case '%':
      return `${withoutMinusZero(amount)} %`;
    case 'points':
      return `${withoutMinusZero(amount)} pt`;
    case 'nats':
      return `${Number.isFinite(amount) ? amount.toPrecision(2) : MISSING} nats`;
    case 'documents':
      return String(amount);
    default:
      return unit satisfies never;
  }
}

function withoutMinusZero(amount: number): string {
  return fixed(amount, 2).replace(/^-(0\.00)$/, '$1');
}
