// A logarithmic axis of chart.js whose ticks stand where readers of papers look for them: at powers of two, or at 1, 2 and 5.
import type { Scale } from 'chart.js';
import { INK, TEXT } from './chart.js';

/** More would run into each other in a column. */
const MOST_TICKS = 8;
/** Room beyond the first and the last value. */
const MARGIN = 1.15;

/** The options of a scale. @param ticks ascending; the axis reaches over them and over `values` */
export function logAxis(
  title: string | string[],
  values: readonly number[],
  ticks: readonly number[],
  textOf: (tick: number) => string,
) {
  const all = [...values, ...ticks];
  return {
    type: 'logarithmic' as const,
    min: Math.min(...all) / MARGIN,
    max: Math.max(...all) * MARGIN,
    grid: { color: '#e3e3e3', lineWidth: 0.6, tickLength: 3 },
    border: { color: INK, width: 0.75 },
    afterBuildTicks: (axis: Scale) => {
      axis.ticks = ticks.map((value) => ({ value }));
    },
    ticks: {
      callback: (value: string | number) => textOf(Number(value)),
      ...{ padding: 2, maxRotation: 0, autoSkip: false, font: { size: TEXT.tick } },
    },
    title: { display: true, text: title, padding: 1 },
  };
}

/** The powers of two from below the least to above the largest value; where they are many, every second, third, ... before the last. */
export function powersOfTwo(values: readonly number[]): number[] {
  const { first, last } = exponentsAround(2, values);
  const step = stepOf(first, last);
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, k) => 2 ** (last - k * step)).reverse();
}

/** 1, 2 and 5 times the powers of ten around the values; the powers alone where they are many. */
export function decimalTicks(values: readonly number[]): number[] {
  const powers = powersOfTen(values);
  const fine = powers.flatMap((power) => [power, 2 * power, 5 * power]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  // The last tick below the values, those between them, and the first one above.
  const around = fine.filter((_, k) => (fine[k + 1] ?? Infinity) > low && (fine[k - 1] ?? 0) < high);
  return around.length > MOST_TICKS ? powers : around;
}

/** The powers of ten around the values; every second, third, ... where they are many. */
function powersOfTen(values: readonly number[]): number[] {
  const { first, last } = exponentsAround(10, values);
  const step = stepOf(first, last);
  return Array.from({ length: Math.ceil((last - first) / step) + 1 }, (_, k) => 10 ** (first + k * step));
}

function exponentsAround(base: number, values: readonly number[]): { first: number; last: number } {
  const exponents = values.map((value) => Math.log2(value) / Math.log2(base));
  return { first: Math.floor(Math.min(...exponents)), last: Math.ceil(Math.max(...exponents)) };
}

function stepOf(first: number, last: number): number {
  return Math.ceil((last - first + 1) / MOST_TICKS);
}
