// What a tokenizer is to the rest of the program.

export interface Tokenizer {
  /** `bytes`, or the file it was read from. */
  readonly name: string;
  /** Number of ids; every id that `encode` gives is below it. */
  readonly vocabularySize: number;
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  /** SHA-256 over kind and content: two tokenizers with one fingerprint encode alike. */
  readonly fingerprint: string;
  /**
   * Ids of a text. `addSpecialTokens` lets the tokenizer add what its post-processor adds to a single text (a BOS for
   * Llama-type ones, nothing for GPT-2 and GPT-NeoX); without it the text alone is encoded.
   */
  encode(text: string, options?: { addSpecialTokens?: boolean }): number[];
  decode(ids: readonly number[]): string;
}

/** The token that stands for "nothing before" in an empty context: BOS, else EOS (lm-eval's `prefix_token_id`). */
export function prefixTokenId(tokenizer: Tokenizer): number | null {
  return tokenizer.bosTokenId ?? tokenizer.eosTokenId;
}
