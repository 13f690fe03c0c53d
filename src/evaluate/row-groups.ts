// Which rows share the computation of their beginning: the choices of one multiple-choice document, whose context is the same.
import type { Piece } from './plan.js';
import type { ScoreRow } from './scorer.js';

/** One sequence through the model and the pieces that share it: they differ in their targets only. */
export interface PlannedRow extends ScoreRow {
  readonly queries: readonly Piece[];
}

/** Rows of one document that are computed from one state, or one row by itself. */
export interface RowGroup {
  /** First tokens that the rows have in common and that are fed once; 0 for a row by itself. */
  readonly shared: number;
  /** Longest first. */
  readonly rows: readonly PlannedRow[];
}

/**
 * Shared tokens are counted in steps of this many. All groups of a batch share equally many tokens, since a state stands at
 * one position; in steps, documents of nearly one length go into one batch. Sharing fewer than one step is not worth a
 * second pass.
 */
export const SHARING_STEP = 8;

/** Every row by itself. */
export function groupsOfOne(rows: readonly PlannedRow[]): RowGroup[] {
  return rows.map((row) => ({ shared: 0, rows: [row] }));
}

/**
 * The rows of each document as one group, where all of them begin with the same tokens, at least one step of them; the
 * others by themselves. A row that several documents ask is the first one's.
 * @param rows longest first
 */
export function groupsByDocument(rows: readonly PlannedRow[]): RowGroup[] {
  const documents = new Map<string, PlannedRow[]>();
  for (const row of rows) {
    const { task, document } = row.queries[0]!;
    const key = `${task} ${document}`;
    const own = documents.get(key);
    if (own === undefined) documents.set(key, [row]);
    else own.push(row);
  }
  return [...documents.values()].flatMap((own) => {
    const common = own.length === 1 ? 0 : commonTokens(own);
    const shared = common - (common % SHARING_STEP);
    return shared === 0 ? groupsOfOne(own) : [{ shared, rows: own }];
  });
}

/** How many first tokens all rows have in common. */
function commonTokens([first, ...others]: readonly PlannedRow[]): number {
  const { input } = first!;
  const different = input.findIndex((token, position) => others.some((other) => other.input[position] !== token));
  return different < 0 ? input.length : different;
}
