// What is measured, cell by cell: the product of what the command line lists, in the order in which it is printed. No tensor.

/** What one cell times. */
export type CellKind =
  /** The forward pass over a prompt, with the log-probability of every token. */
  | 'prefill'
  /** One token after the other, the argmax of each being the next. */
  | 'decode'
  /** A prompt, and then tokens one after the other. */
  | 'prefill+decode'
  /** Forward and backward pass and the update of the weights. */
  | 'train';

export interface Cell {
  readonly kind: CellKind;
  /** Tokens of a row that go through the model at once, 0 for `decode`. */
  readonly prompt: number;
  /** Tokens of a row that go through one after the other, 0 for `prefill` and `train`. */
  readonly generated: number;
  /** Tokens of a row that went through before, untimed. */
  readonly depth: number;
  /** Rows computed together. */
  readonly batch: number;
  /** Keys in reach, `full` for all; null for a model that has no window to set, or for the one that it has. */
  readonly window: number | 'full' | null;
}

export interface Grid {
  readonly prompts: readonly number[];
  readonly generated: readonly number[];
  readonly pairs: readonly (readonly [prompt: number, generated: number])[];
  readonly depths: readonly number[];
  /** Rows, or `tokens:N` for as many as fill N tokens: a cell that decodes only has one row then. */
  readonly batches: readonly (number | `tokens:${number}`)[];
  /** Null: as the model is. */
  readonly windows: readonly (number | 'full')[] | null;
  readonly train: boolean;
}

/** Lengths of 0 ask for nothing. Cells that train come last, because they change the weights. */
export function cellsOf(grid: Grid): Cell[] {
  const prompts = grid.prompts.filter((prompt) => prompt > 0);
  const generated = grid.generated.filter((length) => length > 0);
  const windows = grid.windows ?? [null];
  const inference = windows.flatMap((window) =>
    grid.depths.flatMap((depth) => [
      ...prompts.flatMap((prompt) => cellsOfKind('prefill', { prompt, generated: 0, depth, window })),
      ...generated.flatMap((length) => cellsOfKind('decode', { prompt: 0, generated: length, depth, window })),
      ...grid.pairs.flatMap(([prompt, length]) =>
        cellsOfKind('prefill+decode', { prompt, generated: length, depth, window }),
      ),
    ]),
  );
  const training = windows.flatMap((window) =>
    grid.train ? prompts.flatMap((prompt) => cellsOfKind('train', { prompt, generated: 0, depth: 0, window })) : [],
  );
  return unique([...inference, ...training]);

  function cellsOfKind(kind: CellKind, shape: Omit<Cell, 'kind' | 'batch'>): Cell[] {
    return grid.batches.map((batch) => ({ kind, ...shape, batch: rowsOf(batch, shape.prompt) }));
  }
}

/** Rows of a batch that was asked for, at a prompt of so many tokens. */
export function rowsOf(batch: Grid['batches'][number], prompt: number): number {
  if (typeof batch === 'number') return batch;
  return prompt === 0 ? 1 : Math.max(1, Math.floor(Number(batch.slice('tokens:'.length)) / prompt));
}

function unique(cells: readonly Cell[]): Cell[] {
  return [...new Map(cells.map((cell) => [cellKey(cell), cell])).values()];
}

/** Equal for cells that measure the same. */
export function cellKey({ kind, prompt, generated, depth, batch, window }: Cell): string {
  return [kind, prompt, generated, depth, batch, window].join('/');
}

/** As llama-bench names its tests: `pp512`, `tg64 @ d4096`, `pp512+tg64`; and `train2048`. */
export function cellName({ kind, prompt, generated, depth }: Cell): string {
  const names: Record<CellKind, string> = {
    prefill: `pp${prompt}`,
    decode: `tg${generated}`,
    'prefill+decode': `pp${prompt}+tg${generated}`,
    train: `train${prompt}`,
  };
  return depth === 0 ? names[kind] : `${names[kind]} @ d${depth}`;
}

/** Tokens that one repetition feeds to the model. */
export function cellTokens({ prompt, generated, batch }: Cell): number {
  return batch * (prompt + generated);
}
