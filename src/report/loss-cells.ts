// Losses of texts as cells of the paper's Tables 2 and 3: a column a text and evaluation length, means over seeds in the cells.
import type { PplRow } from '../perplexity/ppl-rows.js';
import { thousands } from './number-text.js';
import { seedCell } from './seed-cells.js';
import { MISSING, textCell, type Cell, type Column } from './table.js';

/** A cell of one run of `ppl`, and whose it is. */
export interface SeedCell {
  /** What tells the weights of seeds apart. */
  readonly weights: string;
  readonly cell: PplRow;
}

/** A text and an evaluation length. */
export type LossPlace = Pick<PplRow, 'text' | 'text_digest' | 'length' | 'tokens'>;

/** What there is a cell for: by text as they come, and by length. */
export function placesOf(all: readonly SeedCell[]): LossPlace[] {
  const digests = [...new Set(all.map(({ cell }) => cell.text_digest))];
  const places = [...new Map(all.map(({ cell }) => [keyOf(cell), cell])).values()];
  const order = ({ text_digest }: LossPlace) => digests.indexOf(text_digest);
  return places.sort((a, b) => order(a) - order(b) || a.length - b.length);
}

export function lossColumn({ text, length }: LossPlace): Column {
  return { key: `${text}/${length}`, title: `${text} ${thousands(length)}`, align: 'right' };
}

/** Losses at a place in nats per token, by the weights of a seed. */
export function lossesAt(cells: readonly SeedCell[], place: LossPlace): Map<string, number> {
  const measured = [...lastOfWeights(cells, place)].flatMap(([weights, { nats_per_token }]): [string, number][] =>
    nats_per_token === null ? [] : [[weights, nats_per_token]],
  );
  return new Map(measured);
}

/** The mean over the seeds; in place of a loss, why there is none. */
export function lossCell(cells: readonly SeedCell[], place: LossPlace): Cell {
  const own = [...lastOfWeights(cells, place).values()];
  const failed = own.find(({ status }) => status !== 'ok');
  const losses = [...lossesAt(cells, place).values()];
  if (failed === undefined) return seedCell(losses, 4);
  if (losses.length === 0) return textCell(failed.status);
  return {
    ...seedCell(losses, 4),
    notes: [`of ${losses.length} of ${own.length} seeds, the others: ${failed.status}`],
  };
}

/** Of a window in force at evaluation. */
export function evalWindowCell(window: PplRow['window']): Cell {
  if (typeof window !== 'number') return textCell(window ?? MISSING);
  return { ...textCell(thousands(window)), value: window };
}

/** What the losses are of. */
export function textRemarks(places: readonly LossPlace[]): string[] {
  const texts = [...new Map(places.map((place) => [place.text_digest, place])).values()];
  return texts.map(
    ({ text, tokens, text_digest }) =>
      `${text}: ${thousands(tokens)} tokens, the same at every length; SHA-256 ${text_digest.slice(0, 12)}`,
  );
}

/** Of two runs of the same weights the later one counts. */
function lastOfWeights(cells: readonly SeedCell[], place: LossPlace): Map<string, PplRow> {
  const own = cells.filter(({ cell }) => keyOf(cell) === keyOf(place));
  return new Map(own.map(({ weights, cell }) => [weights, cell]));
}

function keyOf({ text_digest, length }: LossPlace): string {
  return `${text_digest}/${length}`;
}
