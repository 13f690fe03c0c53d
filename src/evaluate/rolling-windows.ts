// A text longer than the model's input as windows that predict each of its tokens once. Truth: lm-evaluation-harness 4e7e0d47,
// `get_rolling_token_windows`, `make_disjoint_window`, and `HFLM.loglikelihood_rolling`.
import type { Tokenizer } from '../tokenizers/tokenizer.js';
import { createTextEncoder } from './encode-pair.js';
import type { EncodingOptions } from './encode-pair.js';

/** `continuation` is predicted after `context`; both together are at most one token longer than the model's input. */
export interface RollingWindow {
  readonly context: readonly number[];
  readonly continuation: readonly number[];
}

export interface RollingOptions extends EncodingOptions {
  /** `lm-eval`: a BOS that the tokenizer adds is scored after the prefix token, as any token of the text. */
  readonly compat?: 'lm-eval';
}

/** Encodes rolling texts. The prefix token stands before the first window in any case, so that no BOS is added here. */
export function createRollingEncoder(tokenizer: Tokenizer, options: RollingOptions): (text: string) => number[] {
  return options.compat === 'lm-eval' ? createTextEncoder(tokenizer, options) : (text) => tokenizer.encode(text);
}

/**
 * Windows over the tokens of one text. The first one starts with `prefixToken`; of the others each sees the last
 * `contextLength` tokens before it, and the last, shorter one as many as fit.
 * @param maxLength longest input of the model in tokens
 */
export function rollingWindows(
  tokens: readonly number[],
  prefixToken: number,
  maxLength: number,
  contextLength = 1,
): RollingWindow[] {
  if (contextLength < 1 || contextLength > maxLength)
    throw new RangeError(`a context of ${contextLength} tokens does not fit into a window of ${maxLength}`);
  if (tokens.length === 0) return [];
  const windows: RollingWindow[] = [{ context: [prefixToken], continuation: tokens.slice(0, maxLength) }];
  const predicted = maxLength - contextLength + 1;
  for (let start = maxLength; start < tokens.length; start += predicted) {
    const end = Math.min(start + predicted, tokens.length);
    windows.push({ context: tokens.slice(end - maxLength - 1, start), continuation: tokens.slice(start, end) });
  }
  return windows;
}
