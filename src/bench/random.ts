// Seeded inputs for measurements: not zeros, which some hardware multiplies at less power, and the same in every run.

/** After so many numbers they come again; a prime, so that rows of no matrix are equal. */
export const PERIOD = 1_048_583;

/**
 * Uniform in [low, high), by a 32-bit linear congruential generator (Numerical Recipes): fast, and random enough for timing. Beyond
 * a million the numbers repeat: a large tensor takes the time of a copy.
 */
export function randomFloats(count: number, seed: number, low = 0, high = 1): Float32Array {
  const values = new Float32Array(count);
  const drawn = Math.min(count, PERIOD);
  let state = (seed + 1) * 2654435761;
  for (let i = 0; i < drawn; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    values[i] = low + (high - low) * (state >>> 8) * 2 ** -24;
  }
  for (let filled = drawn; filled < count; filled += drawn)
    values.copyWithin(filled, 0, Math.min(drawn, count - filled));
  return values;
}

/** Whole numbers in [0, below). */
export function randomIntegers(count: number, below: number, seed: number): Int32Array {
  return Int32Array.from(randomFloats(count, seed), (value) => value * below);
}
