// GPT-2's pair of files (vocab.json or encoder.json, merges.txt or vocab.bpe) as the tokenizer.json that says the same.
// Truth: transformers' converter of the slow GPT-2 tokenizer, and OpenAI's encoder.py.
import { UserError } from '../user-error.js';
import type { TokenizerSettings } from './special-tokens.js';
import type { JsonObject } from './tokenizer-file.js';

const END_OF_TEXT = '<|endoftext|>';

/** @throws UserError 'data' when the merges are damaged, or do not belong to the vocabulary. */
export function describeGpt2Tokenizer(
  vocabulary: JsonObject,
  merges: { readonly text: string; readonly file: string },
  { tokenizerConfig }: TokenizerSettings,
): JsonObject {
  const byteLevel = {
    type: 'ByteLevel',
    add_prefix_space: tokenizerConfig.add_prefix_space === true,
    trim_offsets: true,
  };
  return {
    added_tokens:
      vocabulary[END_OF_TEXT] === undefined
        ? []
        : [{ id: vocabulary[END_OF_TEXT], content: END_OF_TEXT, special: true, normalized: false }],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: byteLevel,
    decoder: byteLevel,
    model: { type: 'BPE', vocab: vocabulary, merges: readMerges(vocabulary, merges) },
  };
}

function readMerges(vocabulary: JsonObject, { text, file }: { text: string; file: string }): [string, string][] {
  return text.split('\n').flatMap((line, index): [string, string][] => {
    const merge = line.trimEnd();
    if (merge === '' || merge.startsWith('#version')) return [];
    const [left, right, ...rest] = merge.split(' ');
    if (left === undefined || right === undefined || rest.length > 0)
      throw new UserError('data', 'a merge must be two tokens with a space between them', {
        where: `${file}:${index + 1}`,
        hint: 'fetch the file again',
      });
    if (vocabulary[left + right] === undefined)
      throw new UserError('data', `the merge "${merge}" gives a token that the vocabulary does not have`, {
        where: `${file}:${index + 1}`,
        hint: 'take vocabulary and merges from the same tokenizer',
      });
    return [[left, right]];
  });
}
