// The small world's text as words, marks and line breaks: what its distances are counted in, and tokens for tests.
import generator from '../../../tasks/mini/generator.js';
import { unitsOf } from '../../../tasks/mini/text.js';
import type { TextSplit } from '../../../src/tasks/text-generator.js';

/** Documents of at least `units` words and marks in all. */
export function someText(units: number, seed = 1, split: TextSplit = 'train'): string[] {
  const documents: string[] = [];
  let length = 0;
  for (const document of generator.documents(seed, split)) {
    documents.push(document);
    length += unitsOf(document);
    if (length >= units) break;
  }
  return documents;
}

export function wordsOf(text: string): string[] {
  return text.match(/\n+|[A-Za-z]+|[^\sA-Za-z]/g) ?? [];
}
