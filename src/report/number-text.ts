// Numbers as tables print them; files keep full precision.
import { MISSING } from './table.js';

/** A fixed number of digits; from a million on four digits and an exponent. */
export function fixed(value: number | null, digits: number): string {
  if (value === null || !Number.isFinite(value)) return MISSING;
  return Math.abs(value) < 1e6 ? value.toFixed(digits) : value.toExponential(3);
}

/** 341.1M, 1.342B, 12.50K. */
export function parameterCount(count: number): string {
  for (const [unit, size] of [
    ['B', 1e9],
    ['M', 1e6],
    ['K', 1e3],
  ] as const)
    if (count >= size) return `${(count / size).toPrecision(4)}${unit}`;
  return String(count);
}

/** 1.25 GiB, 12.5 MiB, 640 KiB: three digits. */
export function bytesText(bytes: number | null): string {
  if (bytes === null) return MISSING;
  for (const [unit, power] of [
    ['GiB', 30],
    ['MiB', 20],
    ['KiB', 10],
  ] as const)
    if (bytes >= 2 ** power) return `${Number((bytes / 2 ** power).toPrecision(3))} ${unit}`;
  return `${bytes} B`;
}

/** 10,042. */
export function thousands(count: number): string {
  return count.toLocaleString('en-US');
}

/** 95 %, 99.9 %. */
export function percentage(fraction: number): string {
  return `${Number((100 * fraction).toPrecision(6))} %`;
}
