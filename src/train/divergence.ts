// When a run is lost: a loss or gradient that is no number, or a loss far above what it was and worse than guessing. A short peak
// that stays below that is left to the optimiser.

/** Steps whose losses the median is of, and how many there have to be. */
const REMEMBERED = 64;
const FEWEST = 16;

export class DivergenceWatch {
  private readonly recent: number[];
  private readonly factor: number | null;
  private readonly guessing: number;

  /**
   * @param factor times the running median that a loss may be; null for any
   * @param vocabularySize what a guess is among: the loss of guessing is its logarithm
   * @param recent losses of the steps before, as `losses` gave them
   */
  constructor(factor: number | null, vocabularySize: number, recent: readonly number[] = []) {
    this.factor = factor;
    this.guessing = Math.log(vocabularySize);
    this.recent = [...recent];
  }

  /** What is wrong with a step, as the rest of a sentence; null when nothing is. */
  judge(loss: number, gradNorm: number): string | null {
    if (!Number.isFinite(loss)) return `the loss is ${loss}`;
    if (!Number.isFinite(gradNorm)) return `the norm of the gradients is ${gradNorm}`;
    const median = this.recent.length < FEWEST ? null : medianOf(this.recent);
    if (this.factor !== null && median !== null && loss > Math.max(this.guessing, this.factor * median))
      return `the loss is ${loss.toPrecision(4)}, after a median of ${median.toPrecision(4)} over ${this.recent.length} steps`;
    this.recent.push(loss);
    if (this.recent.length > REMEMBERED) this.recent.shift();
    return null;
  }

  /** What a checkpoint keeps. */
  losses(): readonly number[] {
    return this.recent;
  }
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
