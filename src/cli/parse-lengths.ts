// Lists of lengths as llama-bench writes them: `512`, `4k`, `1,2,4`, `128-512` (each), `128-512+128`, `512-16k*2`.
import { UserError } from '../user-error.js';
import { countParser } from './parse-count.js';

/** No command line means more; what is more was written by mistake, as a range without its step is. */
const MOST_LENGTHS = 256;

/** Collects the values of an option that is given once or more often, as commander calls it. */
type ListParser<T> = (text: string, previous?: readonly T[]) => T[];

/**
 * A parser for the value of `flag`: the lengths in ascending order, each once.
 * @throws UserError 'usage' for what is no whole number from `minimum` on, and for a range that runs backwards or never ends.
 */
export function lengthsParser(flag: string, minimum = 1): ListParser<number> {
  return listParser(flag, (part) => range(flag, part, minimum));
}

/** The same for the attention window: `full` stands for a reach without bound and comes last. */
export function windowsParser(flag: string): ListParser<number | 'full'> {
  return listParser<number | 'full'>(flag, (part) => (part === 'full' ? ['full'] : range(flag, part, 1)));
}

/** The same for batches: rows, or `tokens:N` for as many rows as fill N tokens. */
export function batchesParser(flag: string): ListParser<number | `tokens:${number}`> {
  const prefix = 'tokens:';
  return listParser<number | `tokens:${number}`>(flag, (part) =>
    part.startsWith(prefix)
      ? range(`${flag} ${prefix}`, part.slice(prefix.length), 1).map((tokens) => `${prefix}${tokens}` as const)
      : range(flag, part, 1),
  );
}

/** `-pg 512,128`: a prompt and what is generated behind it; it repeats. */
export function pairsParser(flag: string): ListParser<readonly [prompt: number, generated: number]> {
  return (text, previous = []) => {
    const [prompt, generated, ...more] = text.split(',').map(countParser(flag));
    if (prompt === undefined || generated === undefined || more.length > 0)
      throw new UserError('usage', `${flag} needs a prompt and a generated length, such as 512,128, not '${text}'`);
    return [...previous, [prompt, generated]];
  };
}

/** Numbers first, in ascending order, then words. */
function listParser<T extends number | string>(flag: string, parse: (part: string) => T[]): ListParser<T> {
  return (text, previous = []) => {
    const all = [...new Set([...previous, ...text.split(',').flatMap(parse)])];
    if (all.length > MOST_LENGTHS) throw new UserError('usage', `${flag} has more than ${MOST_LENGTHS} values`);
    const rank = (value: T) => (typeof value === 'number' ? value : Infinity);
    return all.sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
  };
}

function range(flag: string, text: string, minimum: number): number[] {
  const [, first = text, last, operator = '+', step = '1'] = /^([^-]+)-([^+*]*)(?:([+*])(.*))?$/.exec(text) ?? [];
  const count = countParser(flag, minimum);
  const from = count(first);
  if (last === undefined) return [from];
  const to = count(last);
  const by = countParser(`${flag}: the step behind ${operator}`, operator === '*' ? 2 : 1)(step);
  if (to < from) throw new UserError('usage', `${flag} has a range that runs backwards: '${text}'`);
  if (from === 0 && operator === '*') throw new UserError('usage', `${flag} has a range that multiplies 0: '${text}'`);
  const lengths: number[] = [];
  for (let length = from; length <= to; length = operator === '*' ? length * by : length + by) {
    lengths.push(length);
    if (lengths.length > MOST_LENGTHS)
      throw new UserError('usage', `${flag} has more than ${MOST_LENGTHS} lengths in '${text}'`, {
        hint: 'a step, as in 512-16k*2 or 512-4k+512',
      });
  }
  return lengths;
}
