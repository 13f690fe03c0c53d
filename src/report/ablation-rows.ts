// What the paper's Table 3 has rows of: models of attention with what they were trained on and what they lose on texts, the seeds
// of one as one row, a row an evaluation window.
import type { PplRecord } from '../perplexity/ppl-record.js';
import { pplRows, type PplRow } from '../perplexity/ppl-rows.js';
import { attentionKind, type AttentionKind } from './attention-kind.js';
import { nameWithoutSeed } from './display-names.js';
import type { SeedCell } from './loss-cells.js';
import { pplIdentity } from './ppl-labels.js';
import type { TrainedRun } from './read-training.js';
import { longestOfNames, trainingLabel } from './training-labels.js';

export interface AblationRow {
  readonly label: string;
  readonly kind: AttentionKind;
  /** One a seed; none where only the model's evaluations are there. */
  readonly trainings: readonly TrainedRun[];
  /** Undefined for a model without evaluations. */
  readonly window: PplRow['window'] | undefined;
  readonly cells: readonly SeedCell[];
}

/** One seed's share of a row. */
interface Part {
  readonly label: string;
  readonly kind: AttentionKind | null;
  readonly training: TrainedRun | null;
  readonly window: PplRow['window'] | undefined;
  readonly cells: readonly SeedCell[];
}

export interface AblationRows {
  readonly rows: readonly AblationRow[];
  /** Names of the models that are not of attention throughout. */
  readonly others: readonly string[];
}

export function ablationRows(trainings: readonly TrainedRun[], ppls: readonly PplRecord[]): AblationRows {
  const longest = longestOfNames(trainings);
  const evaluated = ppls.flatMap((run) => partsOf(run, ppls, trainings));
  const unevaluated = longest.filter((run) => evaluated.every(({ training }) => training !== run));
  const parts = [...evaluated, ...unevaluated.map((run) => trainedPart(run, longest))];
  const rows = new Map<string, AblationRow>();
  for (const { label, kind, training, window, cells } of parts) {
    if (kind === null) continue;
    const key = JSON.stringify([label, kind, String(window)]);
    const row = rows.get(key) ?? { label, kind, trainings: [], window, cells: [] };
    const own = training === null || row.trainings.includes(training) ? [] : [training];
    rows.set(key, { ...row, trainings: [...row.trainings, ...own], cells: [...row.cells, ...cells] });
  }
  const others = parts.flatMap(({ label, kind }) => (kind === null ? [label] : []));
  return { rows: [...rows.values()], others: [...new Set(others)] };
}

/** A part an evaluation window, together with the training of the weights where that is known. */
function partsOf(run: PplRecord, ppls: readonly PplRecord[], trainings: readonly TrainedRun[]): Part[] {
  const { label, weights } = pplIdentity(run, ppls);
  const training = trainings.find((training) => isOf(run, training)) ?? null;
  const longest = longestOfNames(trainings);
  const name = training === null ? null : trainingLabel(training, longest.includes(training) ? longest : trainings);
  // What marks the evaluation among others stands behind what marks the training.
  const marks = label.slice(nameWithoutSeed(run.model.label).length);
  const rows = pplRows(run);
  return [...new Set(rows.map(({ window }) => window))].map((window) => ({
    ...{ label: name === null ? label : `${name}${marks}`, kind: attentionKind(run.model.config), training, window },
    cells: rows.filter((row) => row.window === window).map((cell) => ({ weights, cell })),
  }));
}

function trainedPart(training: TrainedRun, shown: readonly TrainedRun[]): Part {
  const kind = attentionKind(training.record.model.config);
  return { label: trainingLabel(training, shown), kind, training, window: undefined, cells: [] };
}

/** Whether the evaluated checkpoint is one of that run: a run's directory is named as its id. */
function isOf({ model }: PplRecord, { name, record }: TrainedRun): boolean {
  return model.label === name && model.spec.split(/[\\/,]/).includes(record.runId);
}
