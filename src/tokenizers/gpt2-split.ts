// How GPT-2 cuts a text into words before their bytes merge. Truth: OpenAI's encoder.py, `self.pat`.

/** As a tokenizer.json writes it: `\s` is Unicode's White_Space, which JavaScript's is not. */
export const GPT2_SPLIT = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

const WORD = new RegExp(GPT2_SPLIT.replaceAll('\\s', '\\p{White_Space}').replaceAll('\\S', '\\P{White_Space}'), 'gu');

/** The words of a text; put together they are the text. */
export function splitWords(text: string): readonly string[] {
  return text.match(WORD) ?? [];
}

const WHITE_SPACE = /\p{White_Space}/u;

/**
 * The last place in a text where its words can be counted apart: before a white space that follows something else. No word goes
 * over it, and what stands after it does not change the words before it. 0 where there is none.
 */
export function lastCut(text: string): number {
  for (let index = text.length - 1; index > 0; index--)
    if (WHITE_SPACE.test(text[index]!) && !WHITE_SPACE.test(text[index - 1]!)) return index;
  return 0;
}
