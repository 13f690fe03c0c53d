// A tokenizer.json of Hugging Face tokenizers as a Tokenizer, run by @huggingface/tokenizers.
import { createHash } from 'node:crypto';
import * as huggingFace from '@huggingface/tokenizers';
import { UserError } from '../user-error.js';
import { asTheLibraryReadsIt } from './library-differences.js';
import { addsSpecialTokens, specialTokenId } from './special-tokens.js';
import type { TokenizerSettings } from './special-tokens.js';
import { isObject } from './tokenizer-file.js';
import type { JsonObject } from './tokenizer-file.js';
import type { Tokenizer } from './tokenizer.js';

/** What is used of the library. Its own declarations do not resolve as ES modules of Node. */
interface Library {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: (number | undefined)[] };
  decode(ids: number[], options: { clean_up_tokenization_spaces: boolean }): string;
}
const { Tokenizer: LibraryTokenizer } = huggingFace as unknown as {
  Tokenizer: new (description: object, config: object) => Library;
};

const MODEL_TYPES = ['BPE', 'Unigram', 'WordPiece'];

/** Names of tokens that stand before or after a text, for a tokenizer.json without other files beside it. */
const KNOWN_NAMES = {
  bos: ['<s>', '<|begin_of_text|>', '<bos>', '<|endoftext|>'],
  eos: ['</s>', '<|end_of_text|>', '<eos>', '<|endoftext|>'],
} as const;

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
}

/**
 * @param description the parsed tokenizer.json
 * @param file where it came from: the tokenizer's name, and where an error is
 * @throws UserError 'data' when it describes no tokenizer, or one of a type that is not supported
 */
export function tokenizerFromJson(description: JsonObject, settings: TokenizerSettings, file: string): Tokenizer {
  const model = supportedModel(description, file);
  const addedTokens = readAddedTokens(description.added_tokens, file);
  const ids = readVocabulary(model.vocab, file);
  for (const { content, id } of addedTokens) ids.set(content, id);
  const vocabularySize = 1 + [...ids.values()].reduce((highest, id) => Math.max(highest, id), -1);

  const known = (which: 'bos' | 'eos'): number | null =>
    KNOWN_NAMES[which]
      .map((name) => addedTokens.find((token) => token.special && token.content === name)?.id)
      .find((id) => id !== undefined) ?? null;
  const names = {
    idOf: (token: string) => ids.get(token),
    vocabularySize,
    own: { bos: known('bos'), eos: known('eos') },
  };
  const bosTokenId = specialTokenId('bos', settings, names);
  const eosTokenId = specialTokenId('eos', settings, names);
  const texts = new Map([...ids].map(([token, id]) => [id, token]));
  const complete = {
    normalizer: description.normalizer ?? null,
    pre_tokenizer: asTheLibraryReadsIt(description.pre_tokenizer ?? null),
    model,
    added_tokens: addedTokens,
    post_processor: postProcessor(
      description.post_processor ?? null,
      addsSpecialTokens(settings),
      texts.get(bosTokenId ?? -1),
      texts.get(eosTokenId ?? -1),
    ),
    decoder: description.decoder ?? null,
  };
  const library = construct(complete, file);

  return {
    name: file,
    vocabularySize,
    bosTokenId,
    eosTokenId,
    fingerprint: createHash('sha256')
      .update(JSON.stringify(['tokenizer.json', complete, bosTokenId, eosTokenId]))
      .digest('hex'),
    encode(text, { addSpecialTokens = false } = {}) {
      const encoded = library.encode(text, { add_special_tokens: addSpecialTokens }).ids;
      if (!isComplete(encoded))
        throw new UserError('data', `the tokenizer has no id for a part of the text "${text.slice(0, 40)}"`, {
          where: file,
          hint: 'a tokenizer with an unknown token or with bytes in its vocabulary',
        });
      return encoded;
    },
    // The library's own rules for English punctuation would change the text.
    decode: (encoded) =>
      encoded.length === 0 ? '' : library.decode([...encoded], { clean_up_tokenization_spaces: false }),
  };
}

function supportedModel({ model }: JsonObject, file: string): JsonObject {
  if (!isObject(model))
    throw new UserError('data', 'this JSON file is no tokenizer: it has no "model"', {
      where: file,
      hint: 'a tokenizer.json of Hugging Face tokenizers, or a vocab.json beside its merges.txt',
    });
  // Files of tokenizers before 0.8 name no type.
  const type = model.type ?? (model.merges === undefined ? undefined : 'BPE');
  if (typeof type !== 'string' || !MODEL_TYPES.includes(type))
    throw new UserError('data', `tokenizer model of type ${JSON.stringify(type)} is not supported`, {
      where: file,
      hint: `supported are ${MODEL_TYPES.join(', ')}`,
    });
  return { ...model, type };
}

function readAddedTokens(value: unknown, file: string): AddedToken[] {
  if (value === undefined || value === null) return [];
  const isAddedToken = (token: unknown): token is AddedToken =>
    isObject(token) && Number.isInteger(token.id) && typeof token.content === 'string';
  if (!Array.isArray(value) || !value.every(isAddedToken))
    throw new UserError('data', 'the "added_tokens" of this tokenizer are damaged', { where: file });
  return value;
}

/** Token -> id: an object for BPE and WordPiece, a list of [piece, score] for Unigram. */
function readVocabulary(vocab: unknown, file: string): Map<string, number> {
  const entries: [unknown, unknown][] = Array.isArray(vocab)
    ? vocab.map((entry, id) => [(entry as unknown[])?.[0], id])
    : isObject(vocab)
      ? Object.entries(vocab)
      : [];
  const isEntry = (entry: [unknown, unknown]): entry is [string, number] =>
    typeof entry[0] === 'string' && Number.isInteger(entry[1]) && (entry[1] as number) >= 0;
  if (entries.length === 0 || !entries.every(isEntry))
    throw new UserError('data', 'the vocabulary of this tokenizer is missing or damaged', { where: file });
  return new Map(entries);
}

function isComplete(ids: (number | undefined)[]): ids is number[] {
  return !ids.includes(undefined);
}

/** What is added around a single text: as the file says, unless the checkpoint's tokenizer_config.json says something else. */
function postProcessor(
  fromFile: unknown,
  adds: { bos: boolean; eos: boolean } | null,
  bos: string | undefined,
  eos: string | undefined,
): unknown {
  if (adds === null) return fromFile;
  const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  return {
    type: 'TemplateProcessing',
    single: [
      ...(adds.bos && bos !== undefined ? [special(bos)] : []),
      { Sequence: { id: 'A', type_id: 0 } },
      ...(adds.eos && eos !== undefined ? [special(eos)] : []),
    ],
  };
}

function construct(description: object, file: string): Library {
  try {
    return new LibraryTokenizer(description, {});
  } catch (cause) {
    throw new UserError('data', `this tokenizer cannot be built: ${(cause as Error).message}`, {
      where: file,
      hint: 'fetch the file again; if it is whole, this kind of tokenizer is not supported',
      cause,
    });
  }
}
