// The configuration of a decoder as the program uses it, whatever spelling its config.json had.

export interface AttentionConfig {
  readonly kind: 'attention';
  readonly activation: 'sigmoid' | 'softmax';
  /** One a head, paper's sign (score + slope x distance); null = no position bias. */
  readonly slopes: readonly number[] | null;
  /** Keys in reach, self included; null = all. */
  readonly window: number | null;
  /** null = no rotary embedding. */
  readonly ropeTheta: number | null;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  readonly qkNorm: boolean;
}

export type MixerConfig = AttentionConfig;

export interface TrunkConfig {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly intermediateSize: number;
  readonly normEps: number;
  /** Whether the head is the embedding. */
  readonly tied: boolean;
  readonly maxLength: number;
  readonly initializerRange: number;
  readonly mlpBias: boolean;
}

export type ModelConfig = TrunkConfig & { readonly mixer: MixerConfig };
