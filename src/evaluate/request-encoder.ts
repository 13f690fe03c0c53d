// Requests as token ids: what a plan asks of a tokenizer.
import type { Tokenizer } from '../tokenizers/tokenizer.js';
import { createPairEncoder, prefixTokenOf } from './encode-pair.js';
import type { EncodedPair } from './encode-pair.js';
import { createRollingEncoder, rollingWindows } from './rolling-windows.js';
import type { RollingOptions, RollingWindow } from './rolling-windows.js';

/** For one tokenizer, one set of options and one longest input. */
export interface RequestEncoder {
  readonly pair: (context: string, continuation: string) => EncodedPair;
  /** Windows over a rolling text: each of its tokens is in one continuation. */
  readonly windows: (text: string) => RollingWindow[];
}

export interface EncoderSettings {
  readonly tokenizer: Tokenizer;
  readonly options: RollingOptions;
  /** Longest input of the model in tokens. */
  readonly maxLength: number;
}

export function createRequestEncoder({ tokenizer, options, maxLength }: EncoderSettings): RequestEncoder {
  const encodeRolling = createRollingEncoder(tokenizer, options);
  return {
    pair: createPairEncoder(tokenizer, options),
    windows: (text) => rollingWindows(encodeRolling(text), prefixTokenOf(tokenizer, options), maxLength),
  };
}
