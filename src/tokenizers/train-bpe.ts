// A byte-level BPE tokenizer from counted words, as a tokenizer.json of Hugging Face tokenizers: GPT-2's words and byte alphabet.
import { UserError } from '../user-error.js';
import { BYTE_CHARACTERS } from './byte-alphabet.js';
import { learnMerges } from './learn-merges.js';
import type { JsonObject } from './tokenizer-file.js';

export interface BpeSettings {
  /** Ids in all: special tokens, the 256 bytes, merges. */
  readonly vocabularySize: number;
  /** Printable ASCII; the first stands for the beginning and the end of a text. */
  readonly specials: readonly string[];
}

/** @throws UserError 'usage' for a size without room for the bytes, or a special token that is none. */
export function checkBpeSettings({ vocabularySize, specials }: BpeSettings): void {
  if (specials.length === 0) throw new UserError('usage', 'a tokenizer needs a special token for the end of a text');
  for (const special of specials)
    // Other characters could be those of the byte alphabet, and the token one of text.
    if (!/^[!-~]{2,}$/.test(special))
      throw new UserError('usage', `'${special}' cannot be a special token`, {
        hint: 'two or more printable ASCII characters without a space, as in <|endoftext|>',
      });
  const twice = specials.find((special, index) => specials.indexOf(special) !== index);
  if (twice !== undefined) throw new UserError('usage', `the special token ${twice} is named twice`);
  const smallest = specials.length + BYTE_CHARACTERS.length;
  if (vocabularySize < smallest)
    throw new UserError(
      'usage',
      `a vocabulary of ${vocabularySize} has no room for ${BYTE_CHARACTERS.length} bytes and ${specials.length} special tokens`,
      { hint: `--vocab-size ${smallest} or more` },
    );
}

/**
 * Ids as Hugging Face's BpeTrainer gives them: special tokens, bytes in the order of their characters' code points, merges.
 * @param words how often each word of the corpus occurs, without special tokens
 * @param onToken told of every token that a merge made
 * @returns the tokenizer.json; its vocabulary is smaller than asked for where no pair of tokens occurs twice any more
 */
export function trainBpe(
  words: ReadonlyMap<string, number>,
  { vocabularySize, specials }: BpeSettings,
  onToken?: () => void,
): JsonObject {
  const alphabet = [...specials, ...BYTE_CHARACTERS.toSorted()];
  const idOfByte = BYTE_CHARACTERS.map((character) => alphabet.indexOf(character));
  function* byteIds() {
    for (const [word, count] of words) yield { ids: Array.from(Buffer.from(word), (byte) => idOfByte[byte]!), count };
  }
  const { tokens, merges } = learnMerges(byteIds(), alphabet, vocabularySize, onToken);
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, id) => {
      return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
    }),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}
