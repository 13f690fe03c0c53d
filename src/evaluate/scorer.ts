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

/** Rows that go through the model together. Its shape is what tells scoring with a forked state from plain scoring. */
export interface ScoreBatch<Row extends ScoreRow = ScoreRow> {
  /**
   * How many first tokens the rows of a group have in common: they are computed once a group, and the rows go on from the
   * state after them. 0: every group is one row, computed from its beginning.
   */
  readonly shared: number;
  readonly groups: readonly (readonly Row[])[];
}

/** Every row by itself. */
export function plainBatch<Row extends ScoreRow>(rows: readonly Row[]): ScoreBatch<Row> {
  return { shared: 0, groups: rows.map((row) => [row]) };
}

/** Sum of log p over the targets (f32 per token, summed in f64), and whether every target was the argmax. */
export interface QueryScore {
  readonly logprob: number;
  readonly greedy: boolean;
}

export interface Scorer {
  /** Scores of every query of every row, in the order of the groups. Rows are padded on the right to the longest one.
   * @throws OutOfMemoryError when the device cannot hold the batch: the caller may retry with a smaller one. */
  score(batch: ScoreBatch): Promise<QueryScore[][]>;
  /** Tokens (shared ones once a group, padding included) that one batch may hold, by the engine's memory. */
  readonly tokenBudget: number;
  readonly maxLength: number;
}
