// Holm's step-down correction (1979): among several tests, the chance of even one false finding stays below the level.

/**
 * Adjusted p values in the order of the given ones: the k-th smallest of m (k from 1) times m - k + 1, never below a smaller
 * one's, at most 1. A test is a finding at level alpha where its adjusted p is at most alpha.
 */
export function holm(ps: readonly number[]): number[] {
  const ascending = ps.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p);
  const adjusted = new Array<number>(ps.length);
  let largest = 0;
  for (const [rank, { p, index }] of ascending.entries()) {
    largest = Math.max(largest, Math.min(1, p * (ps.length - rank)));
    adjusted[index] = largest;
  }
  return adjusted;
}
