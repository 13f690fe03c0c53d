// Rewrites a tokenizer.json where @huggingface/tokenizers 0.2.0 splits a text other than the Rust tokenizers library, which
// lm-evaluation-harness runs: its description says the same, in words that both read alike. Truth: tokenizers 0.23, `pre_tokenizers/`.
import { GPT2_SPLIT } from './gpt2-split.js';
import { isObject } from './tokenizer-file.js';
import type { JsonObject } from './tokenizer-file.js';

/** A pre-tokenizer of a tokenizer.json that the library runs as the Rust library runs `preTokenizer`. */
export function asTheLibraryReadsIt(preTokenizer: unknown): unknown {
  if (!isObject(preTokenizer)) return preTokenizer;
  switch (preTokenizer.type) {
    case 'Sequence':
      return Array.isArray(preTokenizer.pretokenizers)
        ? { ...preTokenizer, pretokenizers: preTokenizer.pretokenizers.map(asTheLibraryReadsIt) }
        : preTokenizer;
    case 'ByteLevel':
      return byteLevel(preTokenizer);
    case 'Metaspace':
      return metaspace(preTokenizer);
    case 'Split':
      return split(preTokenizer);
    default:
      return preTokenizer;
  }
}

function byteLevel(preTokenizer: JsonObject): JsonObject {
  // The library's own copy of GPT-2's split has JavaScript's `\s` in it; a `Split` translates `\s` to Unicode's White_Space.
  // With a prefix space the split comes second, inside the library.
  if (preTokenizer.use_regex === false || preTokenizer.add_prefix_space === true) return preTokenizer;
  const splitter = { type: 'Split', pattern: { Regex: GPT2_SPLIT }, behavior: 'Isolated', invert: false };
  return { type: 'Sequence', pretokenizers: [splitter, { ...preTokenizer, use_regex: false }] };
}

/** The library knows neither `split`, true by default, nor `add_prefix_space`, which `prepend_scheme` replaced. */
function metaspace(preTokenizer: JsonObject): JsonObject {
  const scheme = preTokenizer.prepend_scheme ?? (preTokenizer.add_prefix_space === false ? 'never' : 'always');
  const prepending = { ...preTokenizer, prepend_scheme: scheme };
  if (preTokenizer.split === false) return prepending;
  const replacement = typeof preTokenizer.replacement === 'string' ? preTokenizer.replacement : '\u2581';
  const splitter = { type: 'Split', pattern: { String: replacement }, behavior: 'MergedWithNext', invert: false };
  return { type: 'Sequence', pretokenizers: [prepending, split(splitter)] };
}

/** The library keeps the separators apart (`Isolated`) or drops them (`Removed`); the other behaviours become a pattern of the pieces. */
function split(preTokenizer: JsonObject): JsonObject {
  const separator = isObject(preTokenizer.pattern) ? separatorPattern(preTokenizer.pattern) : undefined;
  if (separator === undefined || preTokenizer.invert === true) return preTokenizer;
  const text = `(?:(?!${separator})[\\s\\S])`;
  const pieces = (pattern: string): JsonObject => ({
    type: 'Split',
    pattern: { Regex: pattern },
    behavior: 'Removed',
    invert: true,
  });
  switch (preTokenizer.behavior) {
    case 'MergedWithPrevious':
      return pieces(`${text}*${separator}|${text}+`);
    case 'MergedWithNext':
      return pieces(`${separator}${text}*|${text}+`);
    case 'Contiguous':
      return pieces(`${separator}+|${text}+`);
    default:
      return preTokenizer;
  }
}

function separatorPattern(pattern: JsonObject): string | undefined {
  if (typeof pattern.Regex === 'string') return `(?:${pattern.Regex})`;
  if (typeof pattern.String === 'string') return `(?:${pattern.String.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')})`;
  return undefined;
}
