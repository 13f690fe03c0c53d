// The learning rate of a step: linear warm-up to the peak, then a cosine (Loshchilov & Hutter 2017) or warm-up-stable-decay (Hu et
// al. 2024, MiniCPM) with a linear end.

export interface Schedule {
  readonly kind: 'cosine' | 'wsd';
  readonly peak: number;
  /** At the last step. */
  readonly minimum: number;
  readonly warmupSteps: number;
  /** Of `wsd`: the last steps, in which it falls. */
  readonly decaySteps: number;
  readonly steps: number;
}

/** @param step from 1 to `steps`; the peak is reached at `warmupSteps`, the minimum at `steps` */
export function learningRate(schedule: Schedule, step: number): number {
  const { kind, peak, minimum, warmupSteps, decaySteps, steps } = schedule;
  if (step < warmupSteps) return (peak * step) / warmupSteps;
  switch (kind) {
    case 'cosine':
      return minimum + (peak - minimum) * 0.5 * (1 + Math.cos(Math.PI * progress(warmupSteps, steps, step)));
    case 'wsd':
      return peak + (minimum - peak) * progress(Math.max(warmupSteps, steps - decaySteps), steps, step);
    default:
      return kind satisfies never;
  }
}

/** 0 up to `start`, 1 at `end`. */
function progress(start: number, end: number, step: number): number {
  return step <= start ? 0 : (step - start) / (end - start);
}
