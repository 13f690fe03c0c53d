// The figures of runs as files: every one as SVG for papers and as PNG for everything else.
import path from 'node:path';
import type { BenchRecord } from '../bench/bench-record.js';
import type { RunSummary } from '../evaluate/run-summary.js';
import { accuracyBars } from './accuracy-bars.js';
import { benchFigures } from './bench-lines.js';
import { renderPng, renderSvg, type Figure } from './chart.js';
import { lossLines } from './loss-lines.js';
import type { TrainedRun } from './read-training.js';
import { writeAtomically } from '../write-atomically.js';

/**
 * Writes `plots/accuracy.svg` and `.png` below a directory; nothing when the runs hold no accuracy.
 * @returns the files written.
 * @throws UserError 'failure' when a file cannot be written.
 */
export async function writePlots(runs: readonly RunSummary[], directory: string): Promise<string[]> {
  const figure = accuracyBars(runs);
  return figure === null ? [] : writeFigure(figure, path.join(directory, 'plots', 'accuracy'));
}

/** The same for benchmarks: `plots/throughput`, `memory`, `decode-latency`, and those of training, as far as there is a line to draw. */
export async function writeBenchPlots(runs: readonly BenchRecord[], directory: string): Promise<string[]> {
  const files: string[] = [];
  for (const [name, figure] of benchFigures(runs))
    files.push(...(await writeFigure(figure, path.join(directory, 'plots', name))));
  return files;
}

/** The same for training runs: `plots/loss`. */
export async function writeTrainingPlots(runs: readonly TrainedRun[], directory: string): Promise<string[]> {
  const figure = lossLines(runs);
  return figure === null ? [] : writeFigure(figure, path.join(directory, 'plots', 'loss'));
}

async function writeFigure(figure: Figure, base: string): Promise<string[]> {
  await writeAtomically(`${base}.svg`, renderSvg(figure));
  await writeAtomically(`${base}.png`, renderPng(figure));
  return [`${base}.svg`, `${base}.png`];
}
