// The table of a run: one row a metric, as lm-evaluation-harness prints it, with what lm-eval leaves out: intervals,
// chance, truncation, labels, and the settings that a perplexity depends on.
import type { RunSummary } from '../evaluate/run-summary.js';
import { nameWithoutSeed } from './display-names.js';
import { LABEL_MEANINGS } from './label-meanings.js';
import { modelLabels } from './model-labels.js';
import { fixed, percentage } from './number-text.js';
import { numberColumn, seedLabels, seedRows, type SeededColumn } from './seed-rows.js';
import { MISSING, textCell, type Cell, type Table } from './table.js';
import { tidyRows, type TidyRow } from './tidy-rows.js';

/** Of one run or of several; the seeds of a model share the rows of what all of them were scored on. */
export function longTable(runs: readonly RunSummary[]): Table {
  const rows = labelled(runs);
  const columns = longColumns(rows);
  return {
    columns,
    sections: [seedRows(rows, columns, keyOf)],
    remarks: Object.entries(LABEL_MEANINGS)
      .filter(([label]) => rows.some((row) => row.label?.split('+').includes(label)))
      .map(([label, meaning]) => `${label}: ${meaning}`),
  };
}

function labelled(runs: readonly RunSummary[]): TidyRow[] {
  const told = modelLabels(runs);
  const labels = seedLabels(
    runs.map(({ model, engine, seed }, k) => ({
      name: nameWithoutSeed(model.label),
      weights: `${model.weightsDigest}/${seed}`,
      told: told[k]!,
      setting: JSON.stringify([engine.backend, engine.dtype, model.config]),
    })),
  );
  return runs.flatMap((run, k) => tidyRows(run).map((row) => ({ ...row, model: labels[k]! })));
}

/** What the seeds of a model have in common. */
function keyOf(row: TidyRow): string {
  const { model, task, task_version, n, n_original, metric, label, confidence } = row;
  return JSON.stringify([model, task, task_version, n, n_original, metric, label, confidence, settingsText(row)]);
}

function longColumns(rows: readonly TidyRow[]): SeededColumn<TidyRow>[] {
  const [level, ...otherLevels] = new Set(rows.map(({ confidence }) => confidence));
  const oneLevel = level !== undefined && otherLevels.length === 0;
  return [
    { key: 'model', title: 'model', align: 'left', text: (row) => row.model },
    { key: 'task', title: 'task', align: 'left', text: (row) => row.task },
    { key: 'ver', title: 'ver', align: 'left', text: (row) => row.task_version ?? MISSING },
    { key: 'n', title: 'n', align: 'right', text: documentsText },
    { key: 'metric', title: 'metric', align: 'left', text: (row) => row.metric },
    { key: 'direction', title: '↑↓', align: 'left', text: (row) => (row.higher_is_better ? '↑' : '↓') },
    numberColumn('value', 'value', 4),
    { key: 'stderr', title: '± stderr', align: 'right', text: stderrText, seeds: notOfSeeds },
    oneLevel
      ? { key: 'interval', title: `${percentage(level)} CI`, align: 'left', text: intervalText, seeds: notOfSeeds }
      : {
          key: 'interval',
          title: 'CI',
          align: 'left',
          text: (row) => `${percentage(row.confidence)} ${intervalText(row)}`,
          seeds: notOfSeeds,
        },
    { key: 'chance', title: 'chance', align: 'right', text: (row) => fixed(row.chance, 4) },
    { key: 'majority', title: 'majority', align: 'right', text: (row) => fixed(row.majority, 4) },
    { key: 'trunc', title: 'trunc', align: 'right', text: (row) => String(row.truncated ?? MISSING) },
    { key: 'label', title: 'label', align: 'left', text: labelText },
    { key: 'settings', title: 'settings', align: 'left', text: settingsText },
  ];
}

/** `1838`, or `100/1838` where only some of the split's documents were scored. */
function documentsText({ n, n_original }: TidyRow): string {
  if (n === null || n_original === null) return MISSING;
  return n === n_original ? String(n) : `${n}/${n_original}`;
}

function stderrText({ stderr }: TidyRow): string {
  return stderr === null ? MISSING : `± ${fixed(stderr, 4)}`;
}

/** Errors and intervals are over the documents of one model. */
function notOfSeeds(): Cell {
  return textCell(MISSING);
}

function intervalText({ ci_low, ci_high }: TidyRow): string {
  return ci_low === null ? MISSING : `[${fixed(ci_low, 4)}, ${fixed(ci_high, 4)}]`;
}

function labelText({ label, skipped }: TidyRow): string {
  const leftOut = skipped === null || skipped === 0 ? [] : [`${skipped} skipped`];
  return [...(label ?? '').split('+').filter(Boolean), ...leftOut].join(', ');
}

/** What a perplexity hangs on beside the model: longest input, how long texts are cut, whether a BOS goes first. */
function settingsText(row: TidyRow): string {
  if (row.higher_is_better) return '';
  return [`max_len ${row.max_length}`, ...(row.ppl_window === null ? [] : [row.ppl_window]), `bos ${row.bos}`].join(
    ' · ',
  );
}
