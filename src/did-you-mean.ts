// Which known name a mistyped one was meant to be.

/**
 * The candidate with the fewest typing slips (insertion, deletion, substitution, swap of neighbours) from `name`, case
 * aside; the first of equals. Null where the nearest one needs more slips than a third of the longer name.
 */
export function closest(name: string, candidates: Iterable<string>): string | null {
  let best: string | null = null;
  let fewest = Infinity;
  for (const candidate of candidates) {
    const slips = typingSlips(name.toLowerCase(), candidate.toLowerCase());
    if (slips < fewest && slips <= Math.ceil(Math.max(name.length, candidate.length) / 3))
      [best, fewest] = [candidate, slips];
  }
  return best;
}

/** Optimal string alignment distance (Damerau 1964). */
function typingSlips(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const substitution = last[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swap = swapped ? beforeLast[j - 2]! + 1 : Infinity;
      row.push(Math.min(substitution, swap, last[j]! + 1, row[j - 1]! + 1));
    }
    [beforeLast, last] = [last, row];
  }
  return last[to.length]!;
}
