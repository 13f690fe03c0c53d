// Whole numbers as the command line writes them: `100`, `4k`.
import { UserError } from '../user-error.js';

/**
 * A parser for the value of `flag`: decimal digits, where a `k` at the end means 1,024 (lengths are powers of two).
 * @throws UserError 'usage' when the value is no such number or below `minimum`.
 */
export function countParser(flag: string, minimum = 1): (text: string) => number {
  return (text) => {
    const [, digits, kilo] = /^(\d+)(k?)$/i.exec(text) ?? [];
    const value = Number(digits) * (kilo ? 1024 : 1);
    if (!Number.isSafeInteger(value) || value < minimum)
      throw new UserError('usage', `${flag} needs a whole number from ${minimum} on, such as 100 or 4k, not '${text}'`);
    return value;
  };
}
