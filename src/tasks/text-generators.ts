// The generators of text by name. One line a generator; it is loaded when it is asked for.
import { closest } from '../did-you-mean.js';
import { UserError } from '../user-error.js';
import type { TextGenerator } from './text-generator.js';

const loaders: Record<string, () => Promise<{ default: TextGenerator }>> = {};

/** @throws UserError 'usage' for a name that no generator has. */
export async function loadTextGenerator(name: string): Promise<TextGenerator> {
  const load = Object.hasOwn(loaders, name) ? loaders[name] : undefined;
  if (load !== undefined) return (await load()).default;
  const guess = closest(name, Object.keys(loaders));
  throw new UserError(
    'usage',
    `unknown generator of text '${name}'`,
    guess === null ? {} : { hint: `did you mean ${guess}?` },
  );
}
