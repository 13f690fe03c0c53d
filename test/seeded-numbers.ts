// Reproducible numbers for tests: uniform in [0, 1), by the minimal standard generator (Park & Miller 1988).

export function seededNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}
