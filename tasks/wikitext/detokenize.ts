// WikiText's tokenised text as a reader would see it, as lm-evaluation-harness 4e7e0d47 `wikitext_detokenizer` does it. The
// order matters, and so do its slips: the rule for single quotes deletes spaces between words, and a rule that would
// glue `' 9` to its word never applies there, so it is not here.
import { WHITESPACE } from '../../src/tasks/python-text.js';

const BRACKETS = ['()', '[]', '{}', '""', "''"].map((pair) => {
  const [open, close] = [pair[0]!, pair[1]!];
  const inside = new RegExp(`\\${open}[${WHITESPACE}]*([^\\${close}]*?)[${WHITESPACE}]*\\${close}`, 'g');
  return (text: string) => text.replace(inside, (_, content: string) => open + content + close);
});

export function detokenize(page: string): string {
  let text = page.replaceAll("s '", "s'");
  for (const mark of ['-', ',', '.']) text = text.replaceAll(` @${mark}@ `, mark);
  for (const mark of [':', ';', '.', '!', '?', ',']) text = text.replaceAll(` ${mark} `, `${mark} `);
  for (const tighten of BRACKETS) text = tighten(text);
  return text
    .replaceAll('= = = =', '====')
    .replaceAll('= = =', '===')
    .replaceAll('= =', '==')
    .replaceAll(' ° ', '°')
    .replaceAll(' \n', '\n')
    .replaceAll('\n ', '\n')
    .replaceAll(' N ', ' 1 ')
    .replaceAll(" 's", "'s");
}
