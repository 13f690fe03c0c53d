// Seeded inputs for measurements: not zeros, which some hardware multiplies at less power, and the same in every run.

/** Uniform in [0, 1), by a 32-bit linear congruential generator (Numerical Recipes): fast, and random enough for timing. */
export function randomFloats(count: number, seed: number): Float32Array {
  const values = new Float32Array(count);
  let state = (seed + 1) * 2654435761;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    values[i] = (state >>> 8) * 2 ** -24;
  }
  return values;
}

/** Whole numbers in [0, below). */
export function randomIntegers(count: number, below: number, seed: number): Int32Array {
  return Int32Array.from(randomFloats(count, seed), (value) => value * below);
}
