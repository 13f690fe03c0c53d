// Two-sided confidence intervals. `z` is the standard normal quantile of the confidence (`normalQuantile`).
import type { Interval } from './metric-result.js';

/** z with P(|Z| <= z) = confidence for a standard normal Z; confidence in (0, 1), 0.95 gives 1.95996. */
export function normalQuantile(confidence: number): number {
  const target = confidence / 2;
  let z = 0;
  // Newton from below: the integral of the density from 0 is concave, so no step overshoots.
  for (;;) {
    const density = Math.exp(-(z * z) / 2) / Math.sqrt(2 * Math.PI);
    const step = (target - density * densityRatio(z)) / density;
    if (!(step > 1e-15 * (1 + z))) return z;
    z += step;
  }
}

/** P(|Z| >= |z|) for a standard normal Z, to about 1e-15. */
export function twoSidedP(z: number): number {
  if (Math.abs(z) > 8) return 0;
  const density = Math.exp(-(z * z) / 2) / Math.sqrt(2 * Math.PI);
  return Math.max(0, 1 - 2 * density * densityRatio(Math.abs(z)));
}

/** Integral of the normal density from 0 to z, over the density at z: z + z^3/3 + z^5/15 + ... (integration by parts). */
function densityRatio(z: number): number {
  let term = z;
  let total = z;
  for (let k = 3; term > 1e-17 * total; k += 2) {
    term *= (z * z) / k;
    total += term;
  }
  return total;
}

/** Interval of a proportion that stays inside [0, 1] and holds its level near 0 and 1: Wilson (1927). */
export function wilsonInterval(proportion: number, count: number, z: number): Interval {
  const scale = 1 + (z * z) / count;
  const center = (proportion + (z * z) / (2 * count)) / scale;
  const half = (z / scale) * Math.sqrt((proportion * (1 - proportion)) / count + (z * z) / (4 * count * count));
  return [Math.max(0, center - half), Math.min(1, center + half)];
}

/**
 * Interval of a perplexity: normal in its logarithm, whose standard error is stderr / value by the delta method. The mean
 * log-likelihood is what the central limit theorem speaks of; the bounds are positive and right for `1 / perplexity` too.
 */
export function logNormalInterval(value: number, stderr: number, z: number): Interval {
  const factor = Math.exp((z * stderr) / value);
  return [value / factor, value * factor];
}

/** Interval of a mean: value -+ z stderr. */
export function normalInterval(value: number, stderr: number, z: number): Interval {
  return [value - z * stderr, value + z * stderr];
}
