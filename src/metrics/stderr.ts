// Means and their standard errors, summed in the order of lm-evaluation-harness 4e7e0d47 `api/metrics.py`.

export function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

/** Standard deviation with n - 1 in the denominator; NaN for fewer than two values. */
export function sampleDeviation(values: readonly number[]): number {
  const center = mean(values);
  return Math.sqrt(sum(values.map((value) => (value - center) ** 2)) / (values.length - 1));
}

/** Standard error of the mean; NaN for fewer than two values. */
export function meanStderr(values: readonly number[]): number {
  return sampleDeviation(values) / Math.sqrt(values.length);
}

export function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
