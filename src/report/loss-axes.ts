// Axes of losses: nats per token on the left, the perplexity that each is on the right.
import type { Axis } from './line-chart.js';
import { INK, TEXT } from './chart.js';

const MOST_TICKS = 7;

/** A linear axis over the values, with round ticks. */
export function linearAxis(title: string, values: readonly number[]) {
  const { min, max, step } = roundRange(values);
  return {
    type: 'linear' as const,
    ...{ min, max },
    grid: { color: '#e3e3e3', lineWidth: 0.6, tickLength: 3 },
    border: { color: INK, width: 0.75 },
    ticks: { stepSize: step, padding: 2, font: { size: TEXT.tick } },
    title: { display: true, text: title, padding: 1 },
  };
}

/** @param nats per token */
export function lossAxes(nats: readonly number[]): { y: NonNullable<Axis>; perplexity: NonNullable<Axis> } {
  const y = linearAxis('Loss (nats/token)', nats);
  const perplexity = {
    ...y,
    position: 'right' as const,
    grid: { display: false },
    ticks: { ...y.ticks, callback: (value: string | number) => String(threeDigits(Math.exp(Number(value)))) },
    title: { ...y.title, text: 'Token perplexity' },
  };
  return { y, perplexity };
}

/** Bounds and step in 1, 2 or 5 times a power of ten. */
function roundRange(values: readonly number[]): { min: number; max: number; step: number } {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const least = Math.max((high - low) / MOST_TICKS, 1e-3);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least)!;
  const [first, last] = [Math.floor(low / step), Math.ceil(high / step)];
  const round = (ticks: number) => Number((ticks * step).toPrecision(12));
  return { min: round(first), max: round(last === first ? first + 1 : last), step };
}

function threeDigits(value: number): number {
  return value >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
}
