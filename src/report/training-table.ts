// The table of training runs: one row a model, with its last loss and the perplexity of held-out text at each length.
import type { ValidationRow } from '../train/step-log.js';
import { fixed, parameterCount, thousands } from './number-text.js';
import type { TrainedRun } from './read-training.js';
import { MISSING, textCell, type Cell, type Column, type Table } from './table.js';

export function trainingTable(runs: readonly TrainedRun[]): Table {
  const lengths = [...new Set(runs.flatMap((run) => lastOf(run.validation).map(({ length }) => length)))];
  const numbers = ['params', 'steps', 'tokens', 'loss', ...lengths.map((length) => `ppl at ${length}`)];
  const columns: Column[] = [
    { key: 'model', title: 'model', align: 'left' },
    ...numbers.map((title): Column => ({ key: title.replaceAll(' ', '_'), title, align: 'right' })),
  ];
  const rows = runs.map(({ name, parameters, training, validation }) => {
    const last = training.at(-1);
    const perplexities = lengths.map((length) => lastOf(validation).find((row) => row.length === length)?.perplexity);
    return [
      textCell(name),
      numberCell(parameters, parameterCount),
      numberCell(last?.step, thousands),
      numberCell(last?.tokens, thousands),
      numberCell(last?.loss, (loss) => fixed(loss, 4)),
      ...perplexities.map((perplexity) => numberCell(perplexity, (value) => fixed(value, 3))),
    ];
  });
  return { columns, sections: [rows], remarks: [] };
}

function numberCell(value: number | undefined, textOf: (value: number) => string): Cell {
  return value === undefined ? textCell(MISSING) : { ...textCell(textOf(value)), value };
}

/** The rows of the last validation. */
function lastOf(rows: readonly ValidationRow[]): ValidationRow[] {
  return rows.filter(({ step }) => step === rows.at(-1)!.step);
}
