// The rows that training reads: the corpus, whose end is followed by its beginning, cut into rows of the training length, in an
// order of the epoch's own. An epoch shows each token at most once, and leaves out fewer than one row holds, elsewhere each time.
import { UserError } from '../user-error.js';
import { epochOrder, type EpochOrder } from './shuffle.js';
import type { TokenFile } from './token-file.js';

/** A row with the token behind it, which is predicted last: its ids are one more than its length. */
export interface Row {
  readonly ids: Int32Array;
  readonly epoch: number;
  /** Place in the corpus of the row's first token. */
  readonly start: number;
}

export class RowStream {
  readonly rowsPerEpoch: number;
  private readonly file: TokenFile;
  private readonly length: number;
  private readonly seed: number;
  private order: { readonly epoch: number; readonly of: EpochOrder } | null = null;

  /** @throws UserError 'data' when the corpus is shorter than a row. */
  constructor(file: TokenFile, length: number, seed: number) {
    const { tokens } = file.description;
    if (tokens < length + 1)
      throw new UserError('data', `the corpus has ${tokens} tokens, and a row needs ${length + 1}`, {
        hint: 'more text, or a shorter sequence_length',
      });
    this.rowsPerEpoch = Math.floor(tokens / length);
    this.file = file;
    this.length = length;
    this.seed = seed;
  }

  /** The row number `cursor` of all epochs, from 0: a row depends on nothing else. */
  row(cursor: number): Row {
    const epoch = Math.floor(cursor / this.rowsPerEpoch);
    if (this.order?.epoch !== epoch) this.order = { epoch, of: epochOrder(this.seed, epoch, this.rowsPerEpoch) };
    const { of: order } = this.order;
    const first = order.offset(this.file.description.tokens) + order.rowAt(cursor % this.rowsPerEpoch) * this.length;
    const start = first % this.file.description.tokens;
    return { ids: this.file.read(start, this.length + 1), epoch, start };
  }

  /** Numbers of the documents that a row's tokens are of. */
  documents({ start }: Row): { first: number; last: number } {
    const { tokens } = this.file.description;
    return { first: this.file.documentAt(start), last: this.file.documentAt((start + this.length - 1) % tokens) };
  }
}
