// Runs in the layout of the SWAT paper's Table 3: activation against positions, a row a model and evaluation window, nats per token
// in the cells. What a model is comes from its configuration. Nothing is called best here: that takes a paired test.
import type { PplRecord } from '../perplexity/ppl-record.js';
import { mean } from '../metrics/stderr.js';
import { ablationRows, type AblationRow } from './ablation-rows.js';
import { evalWindowCell, lossCell, lossColumn, lossesAt, placesOf, textRemarks, type LossPlace } from './loss-cells.js';
import { thousands } from './number-text.js';
import { failureOf, type TrainedRun } from './read-training.js';
import { seedCell, seedNotes } from './seed-cells.js';
import { MISSING, textCell, type Cell, type Column, type Table } from './table.js';

/** Without rows where no model is of attention. */
export function ablationTable(trainings: readonly TrainedRun[], ppls: readonly PplRecord[]): Table {
  const { rows, others } = ablationRows(trainings, ppls);
  const texts = longestPlaces(placesOf(rows.flatMap(({ cells }) => cells)));
  const heldOut = rows.flatMap((row) => row.trainings).filter(({ validation }) => validation.length > 0);
  const withHeldOut = heldOut.length > 0 || rows.some((row) => row.trainings.some((run) => failureOf(run) !== null));
  const columns = [
    ...SETTINGS,
    ...(withHeldOut ? [HELD_OUT] : []),
    ...texts.map(lossColumn),
    ...(texts.length > 1 ? [AVERAGE] : []),
  ];
  return {
    columns,
    sections: [
      rows.map((row) => [
        ...settingCells(row),
        ...(withHeldOut ? [heldOutCell(row)] : []),
        ...texts.map((place) => lossCell(row.cells, place)),
        ...(texts.length > 1 ? [averageCell(row, texts)] : []),
      ]),
    ],
    remarks: [
      'Nats per token. Position a:b: a heads whose slope favours recent tokens, b whose slope favours old ones.',
      ...(heldOut.length > 0 ? [heldOutRemark(heldOut)] : []),
      ...textRemarks(texts),
      ...(texts.length > 1 ? ['Avg: unweighted mean of the texts.'] : []),
      ...(others.length > 0 ? [`Not of attention throughout, and without a row: ${others.join(', ')}.`] : []),
    ],
  };
}

const SETTINGS: readonly Column[] = [
  { key: 'model', title: 'Model', align: 'left' },
  { key: 'type', title: 'Type', align: 'left' },
  { key: 'activation', title: 'Activation', align: 'left' },
  { key: 'position', title: 'Position', align: 'left' },
  { key: 'train_window', title: 'Train window', align: 'right' },
  { key: 'train_length', title: 'Train length', align: 'right' },
  { key: 'window', title: 'Eval window', align: 'right' },
];
const HELD_OUT: Column = { key: 'held_out', title: 'Held out', align: 'right' };
const AVERAGE: Column = { key: 'avg', title: 'Avg', align: 'right' };

function settingCells({ label, kind, trainings, window, cells }: AblationRow): Cell[] {
  const [training] = trainings;
  const seeds = Math.max(trainings.length, new Set(cells.map(({ weights }) => weights)).size);
  const runIds =
    trainings.length > 0 ? trainings.map(({ record }) => record.runId) : cells.map(({ cell }) => cell.run_id);
  const trainLength = training?.record.config.sequence_length;
  return [
    { ...textCell(label), notes: seedNotes(seeds, runIds) },
    textCell(kind.window === null ? 'Vanilla' : 'Sliding'),
    textCell(kind.activation === 'softmax' ? 'Softmax' : 'Sigmoid'),
    textCell(kind.position),
    evalWindowCell(kind.window ?? 'full'),
    trainLength === undefined ? textCell(MISSING) : { ...textCell(thousands(trainLength)), value: trainLength },
    // A model that has no window evaluates with none.
    window === undefined ? textCell(MISSING) : evalWindowCell(window ?? 'full'),
  ];
}

/** By the trainings themselves, at the length that they trained on; where one failed, why. */
function heldOutCell({ trainings }: AblationRow): Cell {
  const failures = trainings.flatMap((run) => failureOf(run) ?? []);
  const losses = trainings.filter((run) => failureOf(run) === null).flatMap((run) => heldOutLoss(run) ?? []);
  const cell = losses.length === 0 && failures.length > 0 ? textCell('failed') : seedCell(losses, 4);
  return { ...cell, notes: failures };
}

function heldOutLoss({ validation, record }: TrainedRun): number | undefined {
  return validation.findLast(({ length }) => length === record.config.sequence_length)?.loss;
}

function heldOutRemark(runs: readonly TrainedRun[]): string {
  const sources = runs.flatMap(({ record: { validation } }) => {
    if (validation === null) return [];
    const { source } = validation;
    return source.kind === 'generator' ? [source.name] : [source.files.map(({ name }) => name).join(' ')];
  });
  return `Held out: after the last step, at the training length${sources.length === 0 ? '' : `; ${[...new Set(sources)].join(', ')}`}.`;
}

/** Of the seeds that have a loss of every text. */
function averageCell({ cells }: AblationRow, texts: readonly LossPlace[]): Cell {
  const losses = texts.map((place) => lossesAt(cells, place));
  const whole = [...losses[0]!.keys()].filter((weights) => losses.every((own) => own.has(weights)));
  return seedCell(
    whole.map((weights) => mean(losses.map((own) => own.get(weights)!))),
    4,
  );
}

/** Of each text the longest length, which is what the paper's columns are. */
function longestPlaces(places: readonly LossPlace[]): LossPlace[] {
  return places.filter((place) =>
    places.every(({ text_digest, length }) => text_digest !== place.text_digest || length <= place.length),
  );
}
