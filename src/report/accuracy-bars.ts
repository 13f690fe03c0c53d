// The accuracy figure: bars grouped by task, confidence intervals as whiskers, a dashed line where guessing stands.
// As wide as a column and without a title, as papers print it; a number that is not the benchmark's own says so below.
import type { ChartConfiguration } from 'chart.js';
import type { MetricResult, RunSummary, TaskSummary } from '../evaluate/run-summary.js';
import { isAccuracy } from '../metrics/registry.js';
import type { PaperColumn } from '../tasks/task.js';
import { COLUMN_WIDTH, INK, PAGE_WIDTH, TEXT, type Figure } from './chart.js';
import { chanceLines } from './chance-lines.js';
import { composeFigure } from './compose-figure.js';
import { displayNames } from './display-names.js';
import { LABEL_MEANINGS } from './label-meanings.js';
import { modelLabels } from './model-labels.js';
import { percentage } from './number-text.js';
import type { StyleBook } from './palette.js';
import { whiskers } from './whiskers.js';

interface Score {
  readonly task: TaskSummary;
  readonly metric: MetricResult;
}

/** The bars of one task: a score for each run, null where a run did not score it. */
interface Group {
  readonly title: string;
  readonly order: number;
  readonly scores: readonly (Score | null)[];
}

/** Bars of every accuracy in the runs, or null when there is none. */
export function accuracyBars(all: readonly RunSummary[], styles: StyleBook): Figure | null {
  const runs = all.filter(({ tasks }) => tasks.some(hasBars));
  const groups = groupsOf(runs);
  if (groups.length === 0) return null;
  const labels = modelLabels(runs);
  const { names, shared } = displayNames(labels);
  const own = labels.map((label) => styles.of(label));
  const bounds = runs.map((_, run) =>
    groups.map(({ scores }) => {
      const interval = scores[run]?.metric.interval ?? null;
      return interval === null ? null : ([100 * interval[0], 100 * interval[1]] as const);
    }),
  );
  const config: ChartConfiguration = {
    type: 'bar',
    data: {
      labels: groups.map((group) => tickLines(group, groups)),
      datasets: runs.map((_, run) => ({
        label: names[run]!,
        data: groups.map(({ scores }) => (scores[run] ? 100 * scores[run].metric.value : null)),
        backgroundColor: own[run]!.color,
        categoryPercentage: 0.86,
        barPercentage: 0.94,
        maxBarThickness: 18,
      })),
    },
    options: {
      layout: { padding: { right: 2, top: 4 } },
      scales: {
        x: {
          grid: { display: false, drawTicks: false },
          border: { color: INK, width: 0.75 },
          ticks: { maxRotation: 0, autoSkip: false, font: { size: TEXT.caption }, padding: 3 },
        },
        y: {
          min: 0,
          max: axisTop(bounds.flat().map((interval) => interval?.[1] ?? 0)),
          grid: { color: '#e3e3e3', lineWidth: 0.6, tickLength: 3 },
          border: { color: INK, width: 0.75 },
          ticks: { maxTicksLimit: 6, padding: 2, font: { size: TEXT.tick } },
          title: { display: true, text: 'Accuracy (%)', padding: 1 },
        },
      },
      plugins: { legend: { display: false }, tooltip: { enabled: false } },
    },
    plugins: [whiskers(bounds), chanceLines(groups.map(chanceOf))],
  };
  return composeFigure({
    title: 'Accuracy by task',
    width: groups.length * runs.length > MOST_BARS_OF_COLUMN ? PAGE_WIDTH : COLUMN_WIDTH,
    legend: names.map((label, k) => ({ label, style: own[k]!, key: 'square' })),
    charts: [config],
    chartHeight: 170,
    caption: [...captionOf(runs, groups), ...(shared === null ? [] : [shared])],
  });
}

/** Beyond that a figure takes both columns of a page. */
const MOST_BARS_OF_COLUMN = 48;

/**
 * In the order of the paper's columns, tasks that the paper does not have behind them. Recall probes are left out: their
 * accuracy belongs on an axis of distances.
 */
function groupsOf(runs: readonly RunSummary[]): Group[] {
  const names = [...new Set(runs.flatMap(({ tasks }) => tasks.filter(hasBars).map(({ task }) => task)))];
  const groups = names.map((name) => {
    const scores = runs.map(({ tasks }) => scoreOf(tasks.find(({ task }) => task === name)));
    const { task, metric } = scores.find((score) => score !== null)!;
    const column = task.paperColumns.find((column) => column.metric === metric.name);
    return { title: titleOf(column) ?? name, order: column?.order ?? Infinity, scores };
  });
  return groups.sort((a, b) => (a.order === b.order ? 0 : a.order - b.order));
}

function titleOf(column: PaperColumn | undefined): string | undefined {
  return column?.suite === undefined ? column?.title : `${column.suite} ${column.title}`;
}

function hasBars({ metrics, recall }: TaskSummary): boolean {
  return recall === undefined && metrics.some(({ name }) => isAccuracy(name));
}

/** The task's accuracy in the paper's table, or its first one. */
function scoreOf(task: TaskSummary | undefined): Score | null {
  if (task === undefined) return null;
  const accuracies = task.metrics.filter(({ name }) => isAccuracy(name));
  const printed = accuracies.find(({ name }) => task.paperColumns.some(({ metric }) => metric === name));
  const metric = printed ?? accuracies[0];
  return metric === undefined ? null : { task, metric };
}

/** From the run with the most documents, in percent. */
function chanceOf({ scores }: Group): number | null {
  const tasks = scores.flatMap((score) => score?.task ?? []).sort((a, b) => b.documents - a.documents);
  const chance = tasks[0]?.chance ?? null;
  return chance === null ? null : 100 * chance;
}

function labelsOf({ scores }: Group): string[] {
  return [...new Set(scores.flatMap((score) => score?.task.label ?? []))];
}

/** Name, normalisation and label of a group, a line each; a label that all bars share stands in the caption alone. */
function tickLines(group: Group, groups: readonly Group[]): string[] {
  const metrics = new Set(group.scores.flatMap((score) => score?.metric.name ?? []));
  const name = group.title.replace(/ acc$/, '').split(/[_ ]/);
  const shared = groups.flatMap(({ scores }) => scores).every((score) => score === null || score.task.label !== null);
  return [
    ...name,
    ...(metrics.has('acc_norm') ? ['acc_n'] : []),
    ...(shared ? [] : labelsOf(group).map((label) => `(${label})`)),
  ];
}

function captionOf(runs: readonly RunSummary[], groups: readonly Group[]): string[] {
  const levels = [...new Set(runs.map(({ confidence }) => percentage(confidence)))].join(' and ');
  const labels = new Set(groups.flatMap(labelsOf));
  const meanings = Object.entries(LABEL_MEANINGS).filter(([label]) => labels.has(label));
  return [
    `Whiskers: ${levels} confidence intervals. Dashed: chance.`,
    ...meanings.map(([label, meaning]) => `${label}: ${meaning}.`),
  ];
}

/** The next ten above the highest whisker, with room for it. */
function axisTop(highs: readonly number[]): number {
  const top = Math.max(...highs) + 2;
  const step = top > 50 ? 20 : 10;
  return Math.min(100, step * Math.ceil(top / step));
}
