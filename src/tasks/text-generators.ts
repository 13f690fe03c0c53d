// The generators of text by name.
import { closest } from '../did-you-mean.js';
import { UserError } from '../user-error.js';
import type { TextGenerator } from './text-generator.js';

/** One line a generator. */
const GENERATORS: Readonly<Record<string, () => Promise<{ default: TextGenerator }>>> = {};

/** @throws UserError 'usage' for an unknown name. */
export async function loadTextGenerator(name: string): Promise<TextGenerator> {
  const load = Object.hasOwn(GENERATORS, name) ? GENERATORS[name] : undefined;
  if (load !== undefined) return (await load()).default;
  const names = Object.keys(GENERATORS);
  const guess = closest(name, names);
  const hint = guess === null ? `one of ${names.join(', ')}` : `did you mean ${guess}?`;
  throw new UserError('usage', `unknown text generator '${name}'`, names.length === 0 ? {} : { hint });
}
