// The right answer among wrong ones, at the position that is asked for: a test has each position right equally often, in any
// number of its first rows.
import type { Random } from './random.js';

/** `count` texts: `answer` at `position`, and others of `others`. */
export function choicesAt(
  random: Random,
  position: number,
  answer: string,
  others: readonly string[],
  count: number,
): string[] {
  return random.sample(others, count - 1).toSpliced(position, 0, answer);
}
