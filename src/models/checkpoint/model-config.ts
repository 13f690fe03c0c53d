// What a model is, whatever dialect its config.json speaks: the decoder trunk and its mixer in one normalised type.

export type ModelType = 'swat' | 'transformer' | 'llama' | 'mistral';

/** Embedding, blocks of norm + mixer + norm + SwiGLU, final norm, head. */
export interface TrunkConfig {
  readonly modelType: ModelType;
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  /** Inner size of the SwiGLU. */
  readonly intermediateSize: number;
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

/** Attention over a causal window: activation(rope(q) . rope(k) / sqrt(headDim) + slope * distance) weighs the values. */
export interface AttentionConfig {
  readonly mixer: 'attention';
  readonly activation: 'sigmoid' | 'softmax';
  /** One a head, in the paper's sign (score + slope * distance); null for no position bias. */
  readonly slopes: readonly number[] | null;
  /** Keys in reach, the query's own included; null for all before it. */
  readonly window: number | null;
  /** Base of the rotary embedding, half-split over the whole head; null for none. */
  readonly ropeTheta: number | null;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  /** RMS norm of every head's q and k before the rotary embedding; its epsilon is not the trunk's. */
  readonly qkNorm: { readonly eps: number } | null;
}

/** `mixer` tells the kinds of layers apart. */
export type ModelConfig = TrunkConfig & AttentionConfig;
