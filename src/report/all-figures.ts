// Every figure that there is something to draw for, in the order in which a report shows them. A model looks alike in all of them.
import { accuracyBars } from './accuracy-bars.js';
import { benchFigures } from './bench-lines.js';
import type { Figure } from './chart.js';
import { lengthPanels } from './length-panels.js';
import { StyleBook } from './palette.js';
import { pplHeatmaps } from './ppl-heatmap.js';
import { pplFigures } from './ppl-lines.js';
import { qualityScatter } from './quality-scatter.js';
import { lossLines } from './loss-lines.js';
import type { Found } from './read-run.js';
import { recallFigures } from './recall-lines.js';
import { trainBars } from './train-bars.js';

/** By file name. */
export function allFigures(found: Found): Map<string, Figure> {
  const { runs, benches, ppls, trainings } = found;
  const trained = trainings.map(({ name, baseline, record }) => ({
    label: name,
    baseline,
    config: record.model.config,
  }));
  const evaluated = [...runs, ...ppls].map(({ model }) => model);
  const benched = benches.map(({ model }) => model);
  const styles = new StyleBook([...evaluated, ...trained], benched);
  const single: [name: string, figure: Figure | null][] = [
    ['length', lengthPanels(found, styles)],
    ['accuracy', accuracyBars(runs, styles)],
    ['quality', qualityScatter(found, styles)],
    ['loss', lossLines(trainings, styles)],
  ];
  const bars = trainBars(benches, styles);
  return new Map([
    ...single.flatMap(([name, figure]): [string, Figure][] => (figure === null ? [] : [[name, figure]])),
    ...recallFigures(runs, styles),
    ...pplFigures(ppls, styles),
    ...pplHeatmaps(ppls),
    ...benchFigures(benches, styles),
    ...(bars === null ? [] : [['train-throughput', bars] as const]),
  ]);
}
