// The figures of runs as files: every one as SVG for papers and as PNG for everything else.
import path from 'node:path';
import { writeAtomically } from '../write-atomically.js';
import { allFigures } from './all-figures.js';
import { renderPng, renderSvg } from './chart.js';
import type { Found } from './read-run.js';

/**
 * Writes `plots/NAME.svg` and `.png` below a directory for every figure that the runs have something to draw for.
 * @returns the files written.
 * @throws UserError 'failure' when a file cannot be written.
 */
export async function writePlots(found: Partial<Found>, directory: string): Promise<string[]> {
  const files: string[] = [];
  for (const [name, figure] of allFigures({ runs: [], benches: [], ppls: [], trainings: [], ...found })) {
    const base = path.join(directory, 'plots', name);
    await writeAtomically(`${base}.svg`, renderSvg(figure));
    await writeAtomically(`${base}.png`, renderPng(figure));
    files.push(`${base}.svg`, `${base}.png`);
  }
  return files;
}
