// Which ids are BOS and EOS, and whether a text gets them, by the files that a Hugging Face checkpoint keeps beside its tokenizer.
// Order as transformers reads them: tokenizer_config.json, special_tokens_map.json; then the model's own configs, then the names.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { isObject, parseJsonObject, readTokenizerFile } from './tokenizer-file.js';
import type { JsonObject } from './tokenizer-file.js';

/** The files beside a tokenizer, an empty object for one that is not there. */
export interface TokenizerSettings {
  readonly tokenizerConfig: JsonObject;
  readonly specialTokensMap: JsonObject;
  readonly generationConfig: JsonObject;
  readonly config: JsonObject;
}

/** @throws UserError 'data' when one of them is damaged. */
export async function readTokenizerSettings(directory: string): Promise<TokenizerSettings> {
  const read = async (name: string): Promise<JsonObject> => {
    const file = path.join(directory, name);
    return existsSync(file) ? parseJsonObject(await readTokenizerFile(file), file) : {};
  };
  return {
    tokenizerConfig: await read('tokenizer_config.json'),
    specialTokensMap: await read('special_tokens_map.json'),
    generationConfig: await read('generation_config.json'),
    config: await read('config.json'),
  };
}

/** What is asked of a tokenizer's own file. */
export interface TokenNames {
  /** Id of a token of the vocabulary. */
  idOf(token: string): number | undefined;
  readonly vocabularySize: number;
  /** Ids by the tokenizer's own file alone, which count when no other file says anything. */
  readonly own: { readonly bos: number | null; readonly eos: number | null };
}

/** Id of the BOS or EOS token, null where there is none. */
export function specialTokenId(which: 'bos' | 'eos', settings: TokenizerSettings, names: TokenNames): number | null {
  for (const file of [settings.tokenizerConfig, settings.specialTokensMap]) {
    const token = file[`${which}_token`];
    if (token === null) return null;
    if (token !== undefined) return names.idOf(tokenText(token)) ?? null;
  }
  for (const file of [settings.generationConfig, settings.config]) {
    const stated = file[`${which}_token_id`];
    const id: unknown = Array.isArray(stated) ? stated[0] : stated;
    if (Number.isInteger(id) && (id as number) >= 0 && (id as number) < names.vocabularySize) return id as number;
  }
  return names.own[which];
}

/** A special token is written as its text, or as an object with the text and how it is matched. */
function tokenText(token: unknown): string {
  const text = isObject(token) ? token.content : token;
  return typeof text === 'string' ? text : '';
}

/** Whether a single text gets a BOS and an EOS; null where the settings leave it to the tokenizer's own file. */
export function addsSpecialTokens({ tokenizerConfig }: TokenizerSettings): { bos: boolean; eos: boolean } | null {
  const { add_bos_token: bos, add_eos_token: eos, tokenizer_class: name } = tokenizerConfig;
  // These classes of transformers replace what tokenizer.json says, and add a BOS unless told otherwise.
  const addsByDefault = typeof name === 'string' && /^(CodeLlama|Llama|Gemma)Tokenizer(Fast)?$/.test(name);
  if (typeof bos !== 'boolean' && !addsByDefault) return null;
  return { bos: typeof bos === 'boolean' ? bos : true, eos: eos === true };
}
