// HellaSwag's text without the marks of WikiHow, as lm-evaluation-harness 4e7e0d47 `hellaswag` does it: the order matters.
import { strip } from '../../src/tasks/python-text.js';

/**
 * Strips the ends, turns ` [title]` into a full stop, deletes other `[...]` marks, then halves double spaces once, so that
 * three spaces stay two. What a deleted mark leaves at an end is not stripped.
 */
export function clean(text: string): string {
  return strip(text)
    .replaceAll(' [title]', '. ')
    .replace(/\[[^\n]*?\]/g, '')
    .replaceAll('  ', ' ');
}
