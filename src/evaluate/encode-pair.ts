// A context and its continuation as token ids. Truth: lm-evaluation-harness 4e7e0d47, `TemplateLM._encode_pair` and
// `loglikelihood`, `HFLM.tok_encode` and `_loglikelihood_tokens`.
import { WHITESPACE } from '../tasks/python-text.js';
import { prefixTokenId } from '../tokenizers/tokenizer.js';
import type { Tokenizer } from '../tokenizers/tokenizer.js';
import { UserError } from '../user-error.js';

/**
 * Whether a text starts with the prefix token. `auto`: as the tokenizer does by itself (a BOS for Llama-type ones);
 * `always`: with it; `never`: the text alone. A text that starts with the prefix token written out gets no other one.
 */
export type BosPolicy = 'auto' | 'always' | 'never';

export interface EncodingOptions {
  readonly bos: BosPolicy;
  /** Stands for "nothing before"; the tokenizer's BOS, else its EOS, where none is given. */
  readonly prefixToken?: number;
}

/** `continuation` is scored after `context`, which is never empty. */
export interface EncodedPair {
  readonly context: readonly number[];
  /** Empty only where the continuation's text has no token of its own. */
  readonly continuation: readonly number[];
  /** Whether the tokens of the context are not the first tokens of the whole, because some merged over the boundary. */
  readonly boundaryMerge: boolean;
}

/** What Python's `str.rstrip` takes off. */
const TRAILING_WHITESPACE = new RegExp(`[${WHITESPACE}]+$`);

/** @throws UserError 'data' when there is neither a given prefix token nor a BOS or EOS of the tokenizer */
export function prefixTokenOf(tokenizer: Tokenizer, { prefixToken }: EncodingOptions): number {
  const id = prefixToken ?? prefixTokenId(tokenizer);
  if (id !== null) return id;
  throw new UserError('data', 'the tokenizer has no BOS or EOS token to stand before a text', {
    where: tokenizer.name,
    hint: 'name one in a tokenizer_config.json beside it: {"bos_token": "..."}',
  });
}

/** Encodes whole texts under a BOS policy. */
export function createTextEncoder(tokenizer: Tokenizer, options: EncodingOptions): (text: string) => number[] {
  const prefix =
    options.bos === 'always' ? prefixTokenOf(tokenizer, options) : (options.prefixToken ?? prefixTokenId(tokenizer));
  const written = prefix === null ? '' : tokenizer.decode([prefix]);
  return (text) => {
    const hasPrefix = written !== '' && text.startsWith(written);
    const ids = tokenizer.encode(text, { addSpecialTokens: options.bos !== 'never' && !hasPrefix });
    return options.bos === 'always' && prefix !== null && ids[0] !== prefix ? [prefix, ...ids] : ids;
  };
}

/**
 * Encodes pairs as lm-evaluation-harness does: white space at the end of the context belongs to the continuation, the whole is
 * encoded, and its first tokens, as many as the context alone has, are the context. Where a merge over the boundary shifts
 * that split, the tokens scored are lm-evaluation-harness's too; where it leaves nothing to score, which stops
 * lm-evaluation-harness, the continuation is encoded by itself.
 * @throws UserError 'data' when a context is empty and there is no prefix token
 */
export function createPairEncoder(
  tokenizer: Tokenizer,
  options: EncodingOptions,
): (context: string, continuation: string) => EncodedPair {
  const encode = createTextEncoder(tokenizer, options);
  // The choices of a document follow each other, mostly with one context.
  let last = { text: '', ids: [] as readonly number[] };
  const encodeContext = (text: string): readonly number[] => {
    if (text !== last.text) last = { text, ids: encode(text) };
    return last.ids;
  };

  return (fullContext, fullContinuation) => {
    const text = fullContext.replace(TRAILING_WHITESPACE, '');
    const continuationText = fullContext.slice(text.length) + fullContinuation;
    const context = text === '' ? [] : encodeContext(text);
    if (context.length === 0) return afterPrefix(prefixTokenOf(tokenizer, options), tokenizer.encode(continuationText));

    const whole = encode(text + continuationText);
    const boundaryMerge = context.some((id, index) => whole[index] !== id);
    const rest = whole.slice(context.length);
    const continuation = rest.length > 0 ? rest : tokenizer.encode(continuationText);
    return { context, continuation, boundaryMerge };
  };
}

/** A continuation that starts with the prefix token has its context already. */
function afterPrefix(prefix: number, continuation: readonly number[]): EncodedPair {
  const own = continuation[0] === prefix;
  return { context: [prefix], continuation: own ? continuation.slice(1) : continuation, boundaryMerge: false };
}

/** What is fed to the model and asked of it, or why it cannot be asked. */
export type InputAndTargets =
  | {
      readonly kind: 'scorable';
      /** The last `targets.length` positions predict the targets; at most `maxLength` ids. */
      readonly input: readonly number[];
      readonly targets: readonly number[];
      /** Whether the context was cut on the left. */
      readonly truncated: boolean;
    }
  | { readonly kind: 'unscorable'; readonly reason: string };

/** @param maxLength longest input of the model in tokens */
export function inputAndTargets(
  { context, continuation }: Pick<EncodedPair, 'context' | 'continuation'>,
  maxLength: number,
): InputAndTargets {
  if (continuation.length === 0) return { kind: 'unscorable', reason: 'its continuation encodes to no token' };
  if (continuation.length > maxLength)
    return {
      kind: 'unscorable',
      reason: `its continuation of ${continuation.length} tokens is longer than the longest input of ${maxLength}`,
    };
  const ids = [...context, ...continuation];
  return {
    kind: 'scorable',
    input: ids.slice(-(maxLength + 1)).slice(0, -1),
    targets: continuation,
    truncated: ids.length > maxLength + 1,
  };
}
