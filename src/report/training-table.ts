// What `train` prints: one row a model, with its last loss and the perplexity at each length.
import type { TrainingRow, ValidationRow } from '../train/step-log.js';
import { fixed, parameterCount, thousands } from './number-text.js';
import { renderText } from './render-text.js';
import { MISSING, textCell, type Column } from './table.js';

export interface TrainedRun {
  readonly name: string;
  readonly parameters: number;
  readonly training: readonly TrainingRow[];
  readonly validation: readonly ValidationRow[];
}

export function formatTraining(runs: readonly TrainedRun[]): string {
  const lengths = [...new Set(runs.flatMap((run) => lastOf(run.validation).map(({ length }) => length)))];
  const columns: Column[] = [
    { key: 'model', title: 'model', align: 'left' },
    ...['params', 'steps', 'tokens', 'loss', ...lengths.map((length) => `ppl at ${length}`)].map((title): Column => ({
      key: title,
      title,
      align: 'right',
    })),
  ];
  const rows = runs.map(({ name, parameters, training, validation }) => {
    const last = training.at(-1);
    const perplexities = lengths.map(
      (length) => lastOf(validation).find((row) => row.length === length)?.perplexity ?? null,
    );
    const step = last === undefined ? [MISSING, MISSING] : [thousands(last.step), thousands(last.tokens)];
    return [
      name,
      parameterCount(parameters),
      ...step,
      fixed(last?.loss ?? null, 4),
      ...perplexities.map((p) => fixed(p, 3)),
    ];
  });
  return renderText({ columns, sections: [rows.map((row) => row.map(textCell))], remarks: [] });
}

/** The rows of the last validation. */
function lastOf(rows: readonly ValidationRow[]): ValidationRow[] {
  return rows.filter(({ step }) => step === rows.at(-1)!.step);
}
