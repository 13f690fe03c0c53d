// A model as evaluation sees it: first what planning needs, which is cheap to know, then the weights.
import type { Tokenizer } from '../tokenizers/tokenizer.js';
import type { EngineDescription, ModelDescription, RunObservation } from './run-summary.js';
import type { Scorer } from './scorer.js';

/** A model whose configuration and tokenizer are read, and whose weights are not. */
export interface ModelSource {
  /** As given on the command line. */
  readonly spec: string;
  readonly tokenizer: Tokenizer;
  readonly vocabularySize: number;
  /** Longest input in tokens. */
  readonly maxLength: number;
  /**
   * Starts the engine and reads the weights.
   * @throws UserError 'data' for weights that are damaged or do not fit, 'device' when the engine is not there.
   */
  load(): Promise<LoadedModel>;
}

export interface LoadedModel {
  readonly description: ModelDescription;
  readonly engine: EngineDescription;
  readonly scorer: Scorer;
  /** What the scorer ran and took until now; null before its first batch. */
  observed(): RunObservation | null;
  dispose(): void;
}
