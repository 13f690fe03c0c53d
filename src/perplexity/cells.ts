// What `ppl` measures, cell by cell: evaluation windows times evaluation lengths, in the order in which they are printed.

export interface PplCell {
  /** Evaluation length: the most tokens that the model has read when it predicts one. */
  readonly length: number;
  /** Evaluation window: keys in reach, `full` for all; null for a model that has none to set, or for its own. */
  readonly window: number | 'full' | null;
}

/** @param windows null: as the model is. */
export function cellsOf(lengths: readonly number[], windows: readonly (number | 'full')[] | null): PplCell[] {
  return (windows ?? [null]).flatMap((window) => lengths.map((length) => ({ length, window })));
}

/** Equal for cells that compute the same: a window that holds all of a segment is as good as none. */
export function cellKey({ length, window }: PplCell): string {
  return `${length}/${window !== null && (window === 'full' || window >= length) ? 'full' : window}`;
}
