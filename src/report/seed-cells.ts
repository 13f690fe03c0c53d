// Numbers of a model's seeds as one cell of a table: their mean, and the standard deviation between them.
import { mean, sampleDeviation } from '../metrics/stderr.js';
import { fixed } from './number-text.js';
import { MISSING, textCell, type Cell } from './table.js';

/** @param values one a seed; of none there is no number. */
export function seedCell(values: readonly number[], digits: number): Cell {
  if (values.length === 0) return textCell(MISSING);
  const value = mean(values);
  if (values.length === 1) return { ...textCell(fixed(value, digits)), value };
  const deviation = sampleDeviation(values);
  return { ...textCell(`${fixed(value, digits)} ± ${fixed(deviation, digits)}`), value, deviation };
}

/** For a model's name in a table: how many seeds it has, and the runs that its numbers are of; nothing for one seed. */
export function seedNotes(seeds: number, runIds: readonly string[]): string[] {
  if (seeds < 2) return [];
  const runs = [...new Set(runIds)].join(', ');
  return [`${seeds} seeds: mean ± standard deviation where a number is of several; runs ${runs}`];
}
