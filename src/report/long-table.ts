// The table of a run: one row a metric, as lm-evaluation-harness prints it, with what lm-eval leaves out: intervals,
// chance, truncation, labels, and the settings that a perplexity depends on.
import { LABEL_MEANINGS } from './label-meanings.js';
import { fixed, percentage } from './number-text.js';
import { MISSING, textCell, type Column, type Table } from './table.js';
import type { TidyRow } from './tidy-rows.js';

interface LongColumn extends Column {
  readonly text: (row: TidyRow) => string;
}

/** @param rows of one run or of several, as `tidyRows` gives them. */
export function longTable(rows: readonly TidyRow[]): Table {
  const columns = longColumns(rows);
  return {
    columns,
    sections: [rows.map((row) => columns.map(({ text }) => textCell(text(row))))],
    remarks: Object.entries(LABEL_MEANINGS)
      .filter(([label]) => rows.some((row) => row.label?.split('+').includes(label)))
      .map(([label, meaning]) => `${label}: ${meaning}`),
  };
}

function longColumns(rows: readonly TidyRow[]): LongColumn[] {
  const [level, ...otherLevels] = new Set(rows.map(({ confidence }) => confidence));
  const oneLevel = level !== undefined && otherLevels.length === 0;
  return [
    { key: 'model', title: 'model', align: 'left', text: (row) => row.model },
    { key: 'task', title: 'task', align: 'left', text: (row) => row.task },
    { key: 'ver', title: 'ver', align: 'left', text: (row) => row.task_version ?? MISSING },
    { key: 'n', title: 'n', align: 'right', text: documentsText },
    { key: 'metric', title: 'metric', align: 'left', text: (row) => row.metric },
    { key: 'direction', title: '↑↓', align: 'left', text: (row) => (row.higher_is_better ? '↑' : '↓') },
    { key: 'value', title: 'value', align: 'right', text: (row) => fixed(row.value, 4) },
    { key: 'stderr', title: '± stderr', align: 'right', text: stderrText },
    oneLevel
      ? { key: 'interval', title: `${percentage(level)} CI`, align: 'left', text: intervalText }
      : {
          key: 'interval',
          title: 'CI',
          align: 'left',
          text: (row) => `${percentage(row.confidence)} ${intervalText(row)}`,
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
