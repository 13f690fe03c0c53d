// Runs in the layout of the SWAT paper's Table 1: one row a model, accuracies in percent, averages recomputed. What was not
// scored on the whole benchmark carries a footnote and is never the best; the best of a column is what beats all others.
import type { RunSummary, TaskSummary } from '../evaluate/run-summary.js';
import type { Leaders } from '../metrics/best.js';
import { LABEL_MEANINGS } from './label-meanings.js';
import { modelLabels } from './model-labels.js';
import { fixed, parameterCount, percentage, thousands } from './number-text.js';
import { averagedCells, paperAverage, paperCells, type PaperCell, suiteOf } from './paper-cells.js';
import { PAPER_COLUMNS } from './paper-columns.js';
import { LEVEL } from './paper-leaders.js';
import { averageDiffers, recomputedAverage, type PublishedRow } from './published.js';
import { MISSING, textCell, type Cell, type Column, type Row, type Table } from './table.js';

/** A number of the table, in the unit that it is printed in. */
interface Figure {
  readonly value: number;
  readonly notes: readonly string[];
}

interface PaperRow {
  readonly model: Cell;
  readonly size: Cell;
  /** One for each of `PAPER_COLUMNS`, then the average. */
  readonly figures: readonly (Figure | null)[];
  readonly printedAverage: Figure | null;
}

const AVERAGE = { key: 'avg', title: 'Avg', unit: 'percent' } as const;

/** What is printed below a table in which a run could be the best. */
function marksRemark(leaders: readonly Leaders[]): string {
  return leaders.every(({ best }) => best === null)
    ? 'In no column is a run shown to be better than every other.'
    : `Bold: better than every other run, underlined: than every other but that one (paired on the documents, ${percentage(1 - LEVEL)}, Holm's correction over the columns).`;
}

/**
 * Of the runs with a number in some column, where there are any: a run of other tasks has no row.
 * @param leaders as `paperLeaders` finds them; null where nothing is marked. Published numbers come without their documents, so
 * that beside them nothing can be.
 */
export function paperTable(
  all: readonly RunSummary[],
  published: readonly PublishedRow[],
  leaders: readonly Leaders[] | null = null,
): Table {
  const scored = all.filter((run) => paperCells(run).some((cell) => cell !== null));
  const runs = scored.length === 0 ? all : scored;
  const labels = modelLabels(runs);
  const mini = runs.filter((run) => suiteOf(run) === 'mini');
  const comparable = mini.length === 0 || (mini.length === runs.length && published.length === 0);
  const guessed = comparable ? runs : runs.filter((run) => !mini.includes(run));
  const marked = published.length === 0 && comparable ? leaders : null;
  const sections = [
    runs.map((run, k) => runRow(run, labels[k]!, comparable)),
    published.map(publishedRow),
    [guessRow('chance', guessed), guessRow('majority', guessed)].filter((row) => row !== null),
  ];
  const withPrinted = published.length > 0;
  return {
    columns: paperColumns(withPrinted),
    sections: sections.map((rows, section) =>
      rows.map((row, k): Row => {
        const figures = row.figures.map((figure, column) =>
          figureCell(figure, section === 0 ? emphasisOf(all.indexOf(runs[k]!), marked?.[column]) : null),
        );
        return [row.model, row.size, ...figures, ...(withPrinted ? [figureCell(row.printedAverage, null)] : [])];
      }),
    ),
    remarks: [
      'Avg: unweighted mean of the eight accuracies, recomputed from the columns.',
      ...(mini.length > 0 && comparable ? [`Every number is ${MINI_MEANS}.`] : []),
      ...(marked === null ? [] : [marksRemark(marked)]),
    ],
  };
}

function paperColumns(withPrinted: boolean): Column[] {
  const figures = [...PAPER_COLUMNS, AVERAGE].map(({ key, title, unit }): Column => ({
    key,
    title: `${title} ${unit === 'percent' ? '↑' : '↓'}`,
    align: 'right',
  }));
  return [
    { key: 'model', title: 'Model', align: 'left' },
    { key: 'params', title: 'Params', align: 'right' },
    ...figures,
    ...(withPrinted ? [{ key: 'avg_printed', title: 'Avg printed', align: 'right' } as const] : []),
  ];
}

const MINI_MEANS = "the embedded suite's: tasks in the form of these benchmarks, about a small world";

/** @param comparable whether all rows of the table are of one suite; else those of the embedded one are marked, and none is the best. */
function runRow(run: RunSummary, label: string, comparable: boolean): PaperRow {
  const cells = paperCells(run);
  const eight = averagedCells(cells);
  const foreign = !comparable && suiteOf(run) === 'mini';
  const figures = PAPER_COLUMNS.map(({ unit }, k) => {
    const cell = cells[k] ?? null;
    if (cell === null) return null;
    const settings = cell.task.kind === 'rolling' ? [perplexitySettings(run)] : [];
    const factor = unit === 'percent' ? 100 : 1;
    return figureOf(factor * cell.metric.value, [cell], settings);
  });
  const average = eight === null ? null : figureOf(100 * paperAverage(eight).value, eight, []);
  return {
    model: foreign ? { ...textCell(label), notes: [MINI_MEANS] } : textCell(label),
    size: { ...textCell(parameterCount(run.model.parameters)), value: run.model.parameters },
    figures: [...figures, average],
    printedAverage: null,
  };
}

function figureOf(value: number, cells: readonly PaperCell[], settings: readonly string[]): Figure {
  const shortfalls = new Set(cells.flatMap(({ task }) => shortfallNotes(task)));
  return { value, notes: [...shortfalls, ...settings] };
}

/** Why a number is not the benchmark's. */
function shortfallNotes({ task, label, documents, documentsOriginal, skipped }: TaskSummary): string[] {
  const share = `${thousands(documents)} of ${thousands(documentsOriginal)} documents`;
  return [
    ...(label === null
      ? []
      : [label === 'fixtures' ? `fixtures: ${LABEL_MEANINGS.fixtures}` : `${label}: ${task}, ${share}`]),
    ...(skipped === 0 ? [] : [`${task}: ${thousands(skipped)} documents could not be scored`]),
  ];
}

function perplexitySettings({ model, bosPolicy }: RunSummary): string {
  return `word perplexity, max_len ${model.maxLength}, disjoint windows, bos ${bosPolicy}`;
}

function publishedRow(row: PublishedRow): PaperRow {
  const figure = (value: number): Figure => ({ value, notes: [] });
  const remarks = averageDiffers(row) ? ['the printed average is not the mean of the printed columns'] : [];
  return {
    model: { ...textCell(row.model), notes: [row.source] },
    size: textCell(row.size),
    figures: [...row.values, recomputedAverage(row)].map(figure),
    printedAverage: { value: row.average, notes: remarks },
  };
}

/** What guessing scores, from the run with the most documents of each task; null where no run says. */
function guessRow(kind: 'chance' | 'majority', runs: readonly RunSummary[]): PaperRow | null {
  const allCells = runs.map(paperCells);
  const figures = PAPER_COLUMNS.map(({ unit }, k) => {
    const tasks = allCells.flatMap((cells) => cells[k]?.task ?? []).sort((a, b) => b.documents - a.documents);
    const value = tasks[0]?.[kind] ?? null;
    return value === null || unit !== 'percent' ? null : { value: 100 * value, notes: shortfallNotes(tasks[0]!) };
  });
  if (figures.every((figure) => figure === null)) return null;
  return { model: textCell(kind), size: textCell(MISSING), figures: [...figures, null], printedAverage: null };
}

function emphasisOf(run: number, leaders: Leaders | undefined): Cell['emphasis'] {
  if (leaders?.best === run) return 'best';
  return leaders?.second === run ? 'second' : null;
}

function figureCell(figure: Figure | null, emphasis: Cell['emphasis']): Cell {
  if (figure === null) return textCell(MISSING);
  const { value, notes } = figure;
  return { text: figureText(figure), value: Number.isFinite(value) ? value : null, notes, emphasis };
}

function figureText({ value }: Figure): string {
  return fixed(value, 2);
}
