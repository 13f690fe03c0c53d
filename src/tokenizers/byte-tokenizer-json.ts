// The byte tokenizer as a tokenizer.json, so that a checkpoint trained on bytes says so and loads in transformers: a byte-level BPE
// without merges, whose ids are the bytes (GPT-2's `bytes_to_unicode` names them), and the end of a text as 256.
import { isDeepStrictEqual } from 'node:util';
import { BYTE_CHARACTERS } from './byte-alphabet.js';
import { END_OF_TEXT } from './byte-tokenizer.js';
import type { JsonObject } from './tokenizer-file.js';

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };

export const byteTokenizerJson: JsonObject = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [
    {
      ...{ id: END_OF_TEXT, content: '<|endoftext|>', special: true, normalized: false },
      ...{ single_word: false, lstrip: false, rstrip: false },
    },
  ],
  normalizer: null,
  pre_tokenizer: byteLevel,
  post_processor: null,
  decoder: byteLevel,
  model: {
    ...{ type: 'BPE', dropout: null, unk_token: null, fuse_unk: false, byte_fallback: false },
    ...{ continuing_subword_prefix: null, end_of_word_suffix: null },
    vocab: Object.fromEntries(BYTE_CHARACTERS.map((character, byte) => [character, byte])),
    merges: [],
  },
};

/** Whether a tokenizer.json is that of the byte tokenizer, which needs no library. */
export function isByteTokenizer(description: JsonObject): boolean {
  return isDeepStrictEqual(description, byteTokenizerJson);
}
