// The accuracy figure: bars grouped by task, confidence intervals as whiskers, a dashed line where guessing stands.
// As wide as a column and without a title, as papers print it; a number that is not the benchmark's own says so below.
import type { ChartConfiguration } from 'chart.js';
import type { MetricResult, RunSummary, TaskSummary } from '../evaluate/run-summary.js';
import { isAccuracy } from '../metrics/registry.js';
import type { PaperColumn } from '../tasks/task.js';
import { COLUMN_WIDTH, type Figure } from './chart.js';
import { chanceLines } from './chance-lines.js';
import { LABEL_MEANINGS } from './label-meanings.js';
import { modelLabels } from './model-labels.js';
import { percentage } from './number-text.js';
import { modelStyles } from './palette.js';
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
export function accuracyBars(runs: readonly RunSummary[]): Figure | null {
  const groups = groupsOf(runs);
  if (groups.length === 0) return null;
  const labels = modelLabels(runs);
  const legend = labels.map(shortened);
  const styles = modelStyles(runs.map(({ model }, k) => ({ label: labels[k]!, baseline: model.baseline })));
  const bounds = runs.map((_, run) =>
    groups.map(({ scores }) => {
      const interval = scores[run]?.metric.interval ?? null;
      return interval === null ? null : ([100 * interval[0], 100 * interval[1]] as const);
    }),
  );
  const caption = captionOf(runs, groups);
  const config: ChartConfiguration = {
    type: 'bar',
    data: {
      labels: groups.map((group) => tickLines(group, groups)),
      datasets: runs.map((_, run) => ({
        label: legend[run]!,
        data: groups.map(({ scores }) => (scores[run] ? 100 * scores[run].metric.value : null)),
        backgroundColor: styles[run]!.color,
        categoryPercentage: 0.86,
        barPercentage: 0.94,
        maxBarThickness: 18,
      })),
    },
    options: {
      layout: { padding: { right: 2 } },
      scales: {
        x: {
          grid: { display: false, drawTicks: false },
          border: { color: '#222222', width: 0.75 },
          ticks: { maxRotation: 0, autoSkip: false, font: { size: 7.5 }, padding: 3 },
          title: { display: true, text: caption, font: { size: 7 }, padding: { top: 3 } },
        },
        y: {
          min: 0,
          max: axisTop(bounds.flat().map((interval) => interval?.[1] ?? 0)),
          grid: { color: '#e3e3e3', lineWidth: 0.6, tickLength: 3 },
          border: { color: '#222222', width: 0.75 },
          ticks: { maxTicksLimit: 6, padding: 2 },
          title: { display: true, text: 'Accuracy (%)', padding: 1 },
        },
      },
      plugins: {
        legend: { position: 'top', labels: { boxWidth: 7, boxHeight: 7, padding: 6 } },
        tooltip: { enabled: false },
      },
    },
    plugins: [whiskers(bounds), chanceLines(groups.map(chanceOf))],
  };
  const title = `Accuracy by task of ${labels.join(', ')}. ${caption.join(' ')}`;
  return { width: COLUMN_WIDTH, height: figureHeight(legend, caption), title, config };
}

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
    ...meanings.map(([label, meaning]) => `${label}: ${meaning}`),
  ];
}

/** A name that fits into one line of the legend. */
function shortened(label: string): string {
  return label.length <= 60 ? label : `${label.slice(0, 30)}…${label.slice(-29)}`;
}

/** The next ten above the highest whisker, with room for it. */
function axisTop(highs: readonly number[]): number {
  const top = Math.max(...highs) + 2;
  const step = top > 50 ? 20 : 10;
  return Math.min(100, step * Math.ceil(top / step));
}

/** Room for the plot, and for the lines of the legend and of the caption as wide as they come out. */
function figureHeight(legend: readonly string[], caption: readonly string[]): number {
  const legendWidth = legend.reduce((width, label) => width + 20 + 4.6 * label.length, 0);
  return 170 + 14 * Math.ceil(legendWidth / (COLUMN_WIDTH - 20)) + 9 * caption.length;
}
