// What a model is, whatever dialect its config.json speaks: the decoder trunk. Each family adds what its mixer needs.

/** Embedding, blocks of norm + mixer + norm + SwiGLU, final norm, head. */
export interface ModelConfig {
  /** Names the family (families.ts). */
  readonly modelType: string;
  /** Keys that a layer's attention reaches, the query's own included; null where there is no such bound. */
  readonly window: number | null;
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  /** Inner size of the SwiGLU; null for blocks that are the mixer alone. */
  readonly intermediateSize: number | null;
  readonly mlpBias: boolean;
  readonly normEps: number;
  /** The head is the embedding matrix. */
  readonly tied: boolean;
  /** Longest input in tokens. */
  readonly maxLength: number;
  /** Standard deviation of the initial weights. */
  readonly initializerRange: number;
  /** As config.json says; null and empty where it says nothing. */
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
}
