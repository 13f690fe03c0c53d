// How the small world's texts are put together, and how long they are.

/** `a saw`, `an axe`. */
export function a(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

export function capitalized(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

const UNIT = /\n+|[A-Za-z]+|[^\sA-Za-z]/g;

/**
 * Length of a text in words, marks and line breaks. A byte-pair tokenizer that was trained on the small world's text makes one
 * token of each; another makes more, never fewer.
 */
export function unitsOf(text: string): number {
  return text.match(UNIT)?.length ?? 0;
}

/** Sentences in paragraphs of `perParagraph`. */
export function paragraphs(sentences: readonly string[], perParagraph: number): string {
  const lines: string[] = [];
  for (let start = 0; start < sentences.length; start += perParagraph)
    lines.push(sentences.slice(start, start + perParagraph).join(' '));
  return lines.join('\n');
}
