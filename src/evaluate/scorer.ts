// The seam between planning (no tensor) and the model: rows of token ids in, log-likelihoods out.

/** Targets that one request asks of a row: the tokens predicted at the row's last `targets.length` positions. */
export interface Query {
  readonly targets: readonly number[];
}

/**
 * One sequence through the model. input[i] predicts the token after it; a query with n targets reads the last n positions.
 * Requests with the same input (BoolQ's `no` and `yes`) are queries of one row, so that they share its forward pass.
 */
export interface ScoreRow {
  readonly input: readonly number[];
  readonly queries: readonly Query[];
}

/** Sum of log p over the targets (f32 per token, summed in f64), and whether every target was the argmax. */
export interface QueryScore {
  readonly logprob: number;
  readonly greedy: boolean;
}

export interface Scorer {
  /** Scores of every query of every row, in order. Rows are padded on the right to the longest one.
   * @throws OutOfMemoryError when the device cannot hold the batch: the caller may retry with fewer rows. */
  score(rows: readonly ScoreRow[]): Promise<QueryScore[][]>;
  /** Tokens (rows x longest row) that one batch may hold, by the engine's memory. */
  readonly tokenBudget: number;
  readonly maxLength: number;
}
