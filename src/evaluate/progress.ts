// How long work says how far it is; the command line shows it on stderr.

export interface Progress {
  /** Begins a piece of work of `total` units: tokens, unless another `unit` is named. */
  start(label: string, total: number, unit?: string): void;
  /** `count` more units are done. */
  advance(count: number): void;
  finish(): void;
}
