// The table of training runs: one row a run, with its last loss and the perplexity of held-out text at each length. One that failed
// says so in place of its loss, and why below the table.
import type { ValidationRow } from '../train/step-log.js';
import { fixed, parameterCount, thousands } from './number-text.js';
import { failureOf, type TrainedRun } from './read-training.js';
import { MISSING, textCell, type Cell, type Column, type Table } from './table.js';

export function trainingTable(runs: readonly TrainedRun[]): Table {
  const lengths = [...new Set(runs.flatMap((run) => lastOf(run.validation).map(({ length }) => length)))];
  const told = SETTINGS.filter(({ of }) => new Set(runs.map(of)).size > 1);
  const numbers = ['params', ...told.map(({ title }) => title), 'steps', 'tokens', 'loss'];
  const titles = [...numbers, ...lengths.map((length) => `ppl at ${length}`)];
  const columns: Column[] = [
    { key: 'model', title: 'model', align: 'left' },
    ...titles.map((title): Column => ({ key: title.replaceAll(' ', '_'), title, align: 'right' })),
  ];
  const rows = runs.map((run) => {
    const { name, parameters, training, validation } = run;
    const last = training.at(-1);
    const perplexities = lengths.map((length) => lastOf(validation).find((row) => row.length === length)?.perplexity);
    return [
      textCell(name),
      numberCell(parameters, parameterCount),
      ...told.map(({ of }) => numberCell(of(run), String)),
      numberCell(last?.step, thousands),
      numberCell(last?.tokens, thousands),
      lossCell(run),
      ...perplexities.map((perplexity) => numberCell(perplexity, (value) => fixed(value, 3))),
    ];
  });
  return { columns, sections: [rows], remarks: [] };
}

/** Shown where runs differ in them. */
const SETTINGS: readonly { readonly title: string; readonly of: (run: TrainedRun) => number }[] = [
  { title: 'lr', of: ({ record }) => record.config.optimizer.lr },
  { title: 'seed', of: ({ record }) => record.config.seeds.init },
];

function lossCell(run: TrainedRun): Cell {
  const failure = failureOf(run);
  if (failure !== null) return { ...textCell('failed'), notes: [failure] };
  return numberCell(run.training.at(-1)?.loss, (loss) => fixed(loss, 4));
}

function numberCell(value: number | undefined, textOf: (value: number) => string): Cell {
  return value === undefined ? textCell(MISSING) : { ...textCell(textOf(value)), value };
}

/** The rows of the last validation. */
function lastOf(rows: readonly ValidationRow[]): ValidationRow[] {
  return rows.filter(({ step }) => step === rows.at(-1)!.step);
}
