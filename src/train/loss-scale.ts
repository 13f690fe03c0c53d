// What the loss is multiplied with on its way back through layers that multiply in f16 (Micikevicius et al. 2018, section 3.2). It
// starts at the number of a batch's predictions, so that a prediction's gradient is of the size of the weights; where a gradient
// leaves f16 all the same, the step is computed again with half of it, and after many steps without that it is doubled again.

/** Steps without an overflow behind which a larger scale is tried, as in PyTorch's GradScaler. */
const GROWTH_INTERVAL = 2000;
/** Below this share of the first one it is not the scale that is wrong. */
const SMALLEST_SHARE = 2 ** -16;

export interface LossScaleState {
  readonly lossScale: number;
  /** Steps since it changed. */
  readonly stepsAtLossScale: number;
}

export class LossScale {
  private readonly largest: number;
  private current: number;
  private steps: number;

  /** @param largest what it starts with and never exceeds; 1 where nothing is scaled, which then stays so */
  constructor(largest: number, state: LossScaleState = { lossScale: largest, stepsAtLossScale: 0 }) {
    this.largest = largest;
    this.current = state.lossScale;
    this.steps = state.stepsAtLossScale;
  }

  get value(): number {
    return this.current;
  }

  /** What a checkpoint keeps. */
  state(): LossScaleState {
    return { lossScale: this.current, stepsAtLossScale: this.steps };
  }

  /** Behind a step whose gradients are numbers. */
  keep(): void {
    this.steps += 1;
    if (this.steps < GROWTH_INTERVAL || this.current === this.largest) return;
    this.current *= 2;
    this.steps = 0;
  }

  /** Behind gradients that are none. @returns whether there is a smaller scale to try */
  halve(): boolean {
    if (this.largest === 1 || this.current <= this.largest * SMALLEST_SHARE) return false;
    this.current /= 2;
    this.steps = 0;
    return true;
  }
}
