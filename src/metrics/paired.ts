// Two models on the same documents: how far apart they are on a metric's scale (ratio.ts), and how sure that is. What a document
// makes hard for both drops out of the differences, so that they are surer than those of two independent samples.
import type { Interval } from './metric-result.js';
import { Mt19937 } from './mt19937.js';
import { linearised, ratioOf, type RatioPart } from './ratio.js';
import { meanStderr } from './stderr.js';

export interface Difference {
  /** The second model's value less the first one's. */
  readonly difference: number;
  /** NaN for fewer than two documents. */
  readonly stderr: number;
}

/** @param first, second the same documents in the same order. */
export function pairedDifference(first: readonly RatioPart[], second: readonly RatioPart[]): Difference {
  checkPaired(first, second);
  const [a, b] = [linearised(first), linearised(second)];
  return { difference: ratioOf(second) - ratioOf(first), stderr: meanStderr(b.map((value, k) => value - a[k]!)) };
}

export interface BootstrapOptions {
  readonly iterations: number;
  /** Level of the interval, in (0, 1). */
  readonly confidence: number;
  readonly seed: number;
}

/**
 * Documents drawn with replacement, the same for both models. The interval has the replicates' percentiles; p is two-sided, twice
 * the share of replicates on the other side of 0, the observed difference counted as one more (Davison and Hinkley 1997, section
 * 4.2). It is never below 2^(1 - n), what the signs of n differences can show: few documents resample into fewer still.
 */
export function pairedBootstrap(
  first: readonly RatioPart[],
  second: readonly RatioPart[],
  { iterations, confidence, seed }: BootstrapOptions,
): { interval: Interval; p: number } {
  checkPaired(first, second);
  const generator = new Mt19937(seed);
  const resample = hasUnitDenominators(first) && hasUnitDenominators(second) ? meanOfDraws : ratiosOfDraws;
  const differences = Float64Array.from({ length: iterations }, resample(first, second, generator));
  differences.sort();
  const below = differences.filter((difference) => difference <= 0).length;
  const above = differences.filter((difference) => difference >= 0).length;
  const tail = (1 - confidence) / 2;
  return {
    interval: [quantile(differences, tail), quantile(differences, 1 - tail)],
    p: Math.min(1, Math.max((2 * (1 + Math.min(below, above))) / (1 + iterations), 2 ** (1 - first.length))),
  };
}

function hasUnitDenominators(parts: readonly RatioPart[]): boolean {
  return parts.every(([, denominator]) => denominator === 1);
}

/** A difference of means is the mean of the differences: one number a draw. */
function meanOfDraws(first: readonly RatioPart[], second: readonly RatioPart[], generator: Mt19937): () => number {
  const differences = Float64Array.from(first, ([numerator], k) => second[k]![0] - numerator);
  const documents = differences.length;
  return () => {
    let total = 0;
    for (let draw = 0; draw < documents; draw += 1) total += differences[generator.index(documents)]!;
    return total / documents;
  };
}

function ratiosOfDraws(first: readonly RatioPart[], second: readonly RatioPart[], generator: Mt19937): () => number {
  const documents = first.length;
  return () => {
    let [a, aUnits, b, bUnits] = [0, 0, 0, 0];
    for (let draw = 0; draw < documents; draw += 1) {
      const document = generator.index(documents);
      const [numeratorA, denominatorA] = first[document]!;
      const [numeratorB, denominatorB] = second[document]!;
      a += numeratorA;
      aUnits += denominatorA;
      b += numeratorB;
      bUnits += denominatorB;
    }
    return b / bUnits - a / aUnits;
  };
}

/** Linear between the two nearest of the sorted values (NumPy's default). */
function quantile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const [low, high] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return low + (position - below) * (high - low);
}

function checkPaired(first: readonly RatioPart[], second: readonly RatioPart[]): void {
  if (first.length !== second.length || first.length === 0)
    throw new RangeError(`${first.length} and ${second.length} documents cannot be paired`);
}
