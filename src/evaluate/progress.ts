// How long work says how far it is, one phase after the other; the command line shows it on stderr.

export interface PhaseOptions {
  /** What is counted: `tokens` by default. */
  readonly unit?: string;
  /** Units a second that could be reached at best: the share of it is shown. */
  readonly ceiling?: number;
}

export interface Progress {
  /** Begins a phase of `total` units. */
  start(label: string, total: number, options?: PhaseOptions): void;
  /** `count` more units are done. */
  advance(count: number): void;
  /** Ends the phase: leaves one line if its work was done, clears the bar if it was cut short. */
  finish(): void;
}
