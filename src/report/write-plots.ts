// The figures of runs as files: every one as SVG for papers and as PNG for everything else.
import path from 'node:path';
import type { RunSummary } from '../evaluate/run-summary.js';
import { accuracyBars } from './accuracy-bars.js';
import { renderPng, renderSvg } from './chart.js';
import { writeAtomically } from '../write-atomically.js';

/**
 * Writes `plots/accuracy.svg` and `.png` below a directory; nothing when the runs hold no accuracy.
 * @returns the files written.
 * @throws UserError 'failure' when a file cannot be written.
 */
export async function writePlots(runs: readonly RunSummary[], directory: string): Promise<string[]> {
  const figure = accuracyBars(runs);
  if (figure === null) return [];
  const base = path.join(directory, 'plots', 'accuracy');
  await writeAtomically(`${base}.svg`, renderSvg(figure));
  await writeAtomically(`${base}.png`, renderPng(figure));
  return [`${base}.svg`, `${base}.png`];
}
