// How far a computed tensor is from the one that is right.

/** Norm of the difference over the norm of what is wanted; 0 where both are zero. */
export function relativeDifference(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (found.length !== wanted.length) return Infinity;
  let [difference, norm] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    difference += (found[i]! - wanted[i]!) ** 2;
    norm += wanted[i]! ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}
