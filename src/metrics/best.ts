// What a table may call best: only what is better than every other row beyond chance.
import { holm } from './holm.js';

/** A column of numbers that compete. */
export interface Contest {
  /** Rows from the best value to the worst. */
  readonly order: readonly number[];
  /** Two-sided p for the hypothesis that two rows are equally good. */
  readonly p: (row: number, other: number) => number;
}

/** Rows that are better than all others, and than all others but the best; null where no row is shown to be. */
export interface Leaders {
  readonly best: number | null;
  readonly second: number | null;
}

/**
 * A row leads where each comparison with the rows behind it is significant: the largest of their p counts (all hypotheses have
 * to fall, so there is nothing to correct among them). Over columns and both places, these are corrected by Holm's method.
 * A second needs a best before it and a row behind it.
 */
export function leadersOf(contests: readonly Contest[], level: number): Leaders[] {
  const claims = contests.flatMap((contest, column) =>
    [0, 1].flatMap((place) => {
      const [leader, ...behind] = contest.order.slice(place);
      if (leader === undefined || behind.length === 0) return [];
      return [{ column, place, leader, p: Math.max(...behind.map((other) => contest.p(leader, other))) }];
    }),
  );
  const adjusted = holm(claims.map(({ p }) => p));
  const shown = claims.filter((_, k) => adjusted[k]! <= level);
  const leader = (column: number, place: number) =>
    shown.find((claim) => claim.column === column && claim.place === place)?.leader ?? null;
  return contests.map((_, column) => {
    const best = leader(column, 0);
    return { best, second: best === null ? null : leader(column, 1) };
  });
}
