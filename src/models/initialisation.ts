// Seeded random weights. Each parameter draws from a stream of its own, keyed by seed and name, so that the order of creation
// does not matter; only IEEE additions, multiplications, divisions and square roots are used, so that every machine and
// every version of Node draws the same numbers.
import { createHash } from 'node:crypto';
import type { ParameterSpec } from './mixer.js';

/**
 * The initial values of one parameter, row-major. `seed` is any integer.
 * @param period after so many of its values they come again: for measurements, which hundreds of millions of draws would hold up
 */
export function initialWeights(parameter: ParameterSpec, seed: number, period = Infinity): Float32Array {
  const count = parameter.shape.reduce((product, length) => product * length, 1);
  if (count <= period) return drawn(parameter, seed, count);
  const values = new Float32Array(count);
  values.set(drawn(parameter, seed, period));
  for (let filled = period; filled < count; filled *= 2) values.copyWithin(filled, 0, Math.min(filled, count - filled));
  return values;
}

function drawn({ name, shape, initialisation }: ParameterSpec, seed: number, count: number): Float32Array {
  const values = new Float32Array(count);
  switch (initialisation.kind) {
    case 'zeros':
      return values;
    case 'ones':
      return values.fill(1);
    case 'constant':
      return values.fill(initialisation.value);
    case 'normal':
      return fillNormal(values, initialisation.std, randomBits(`${seed}/${name}`));
    case 'uniform': {
      const { low, high } = initialisation;
      const next = randomBits(`${seed}/${name}`);
      return values.map(() => low + (high - low) * unitInterval(next));
    }
    case 'log-of-range':
      return values.map((_, i) => logarithm((i % shape.at(-1)!) + 1));
    case 'log-of-uniform': {
      const { low, high } = initialisation;
      const next = randomBits(`${seed}/${name}`);
      return values.map(() => logarithm(low + (high - low) * unitInterval(next)));
    }
    case 'inverse-softplus-of-log-uniform': {
      const { low, high } = initialisation;
      const next = randomBits(`${seed}/${name}`);
      const range = logarithm(high / low);
      return values.map(() => logarithm(expm1(low * (1 + expm1(range * unitInterval(next))))));
    }
    default:
      throw new Error(initialisation satisfies never);
  }
}

/** Pairs of independent normal variates by the polar form of Box and Muller (Marsaglia & Bray 1964). */
function fillNormal(values: Float32Array, std: number, next: () => number): Float32Array {
  for (let i = 0; i < values.length; i += 2) {
    let x, y, square;
    do {
      x = (next() + 0.5) * 2 ** -31;
      y = (next() + 0.5) * 2 ** -31;
      square = x * x + y * y;
    } while (square >= 1);
    const scale = std * Math.sqrt((-2 * logarithm(square)) / square);
    values[i] = x * scale;
    if (i + 1 < values.length) values[i + 1] = y * scale;
  }
  return values;
}

/** Uniform in (0, 1). */
function unitInterval(next: () => number): number {
  return (next() + 0.5) * 2 ** -32 + 0.5;
}

/** xoshiro128** (Blackman & Vigna 2018), seeded with the key's SHA-256: signed 32-bit integers. */
function randomBits(key: string): () => number {
  const digest = createHash('sha256').update(key).digest();
  let [a, b, c, d] = [0, 4, 8, 12].map((at) => digest.readInt32LE(at)) as [number, number, number, number];
  return () => {
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };
}

const FLOAT = new Float64Array(1);
const WORDS = new Int32Array(FLOAT.buffer);

/**
 * Natural logarithm of a positive normal number: x = m 2^e with m in [0.75, 1.5), ln m = 2 atanh((m - 1) / (m + 1)), whose
 * series is cut where a term is below 1e-17. Math.log may differ in the last bit from one engine to the next.
 */
function logarithm(x: number): number {
  FLOAT[0] = x;
  const exponent = (WORDS[1]! - 0x3fe80000) >> 20;
  WORDS[1] = WORDS[1]! - (exponent << 20);
  const mantissa = FLOAT[0];
  const ratio = (mantissa - 1) / (mantissa + 1);
  const square = ratio * ratio;
  let sum = 0;
  for (let k = 23; k >= 1; k -= 2) sum = sum * square + 1 / k;
  return exponent * Math.LN2 + 2 * ratio * sum;
}

/** e^x - 1: the series for |x| < 1/2, whose terms from the 16th on are below 1e-17 of it; twice the argument is (e^x - 1)(e^x + 1). */
function expm1(x: number): number {
  if (Math.abs(x) >= 0.5) {
    const half = expm1(x / 2);
    return half * (half + 2);
  }
  let sum = 0;
  for (let k = 15; k >= 1; k--) sum = ((1 + sum) * x) / k;
  return sum;
}
